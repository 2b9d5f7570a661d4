# training.sh - training that goes on where it was stopped, and what it measured.
# shellcheck shell=bash

# train_into FOLDER STEPS ARGUMENT...: gpt-train for STEPS steps. The model is FOLDER/model, the
# metrics are FOLDER/metrics.mp. A training that was stopped goes on; one that saved no state begins
# again. A training that came to its end is not done again.
train_into() {
	local folder=$1 steps=$2 begin=--overwrite step
	shift 2
	[ ! -e "$folder/trained" ] || return 0
	mkdir -p "$folder"
	[ ! -e "$folder/model/last/training.safetensors" ] || begin=--resume
	gpt-train "$@" -o "$folder/model" --steps "$steps" --metrics "$folder/metrics.mp" "$begin" || return
	step=$(jq .training.step "$folder/model/last/memoscope.json") # Ctrl-C ends gpt-train in good order
	if [ "$step" != "$steps" ]; then
		echo "$(basename "$0"): stopped at step $step of $steps: run it again to go on" >&2
		return 1
	fi
	: >"$folder/trained"
}

# untrained FOLDER ARGUMENT...: the network that train_into FOLDER begins with, in
# FOLDER/untrained. One step at a rate of 0 makes it.
untrained() {
	local folder=$1
	shift
	train_into "$folder/untrained" 1 --lr 0 --min-lr 0 "$@"
}

# metrics FOLDER FIELDS: these fields of the metrics of train_into, a line for each step and each
# validation, in order
metrics() {
	mpcat --tsv="$2" "$1/metrics.mp" | tail -n +2
}

# curve FOLDER: FOLDER/curve.tsv from the metrics of untrained and train_into: step, held-out loss,
# and the mean loss in training since the line before
curve() {
	{
		metrics "$1/untrained" val.loss | awk -F '\t' -v OFS='\t' '$1 != "" { print 0, $1, $1 }'
		metrics "$1" step,loss,val.loss | awk -F '\t' -v OFS='\t' '
			$2 != "" { sum += $2; n++; mean = sum / n }
			$3 != "" { print $1, $3, mean; sum = n = 0 }'
	} >"$1/curve.tsv"
}

# curve_summary FOLDER EPOCHS LOSS: of FOLDER/curve.tsv the first loss, the least one and the last
# ones, and when LOSS was reached: held out (article_epoch) and in training
# (article_train_epoch). EPOCHS: how many epochs a step is
curve_summary() {
	awk -F '\t' -v OFS='\t' -v epochs="$2" -v article="$3" '
		NR == 1 { print "start_loss", $2 }
		NR == 1 || $2 < best { best = $2; step = $1; train = $3 }
		$2 <= article && held_out == "" { held_out = $1 }
		$3 <= article && own == "" { own = $1 }
		{ last = $2; trained = $3 }
		END {
			print "best_loss", best; print "best_step", step; print "best_epoch", step * epochs
			print "best_train_loss", train; print "last_loss", last; print "last_train_loss", trained
			if (held_out != "") print "article_epoch", held_out * epochs
			if (own != "") print "article_train_epoch", own * epochs
		}' "$1/curve.tsv"
}

# nearest_to_half COLUMN FILE: of a table of models, which has the step in column 1, the step whose
# share in COLUMN is nearest to a half
nearest_to_half() {
	awk -F '\t' -v column="$1" '
		{ d = $column - 0.5; d = d < 0 ? -d : d }
		NR == 1 || d < least { least = d; step = $1 }
		END { print step }' "$2"
}
