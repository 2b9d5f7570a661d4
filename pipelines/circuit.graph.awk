# circuit.graph.awk - the paths of a graph. Input: a line for each path, with tabs: change, sender, receiver,
# through what, mean effect, and the ends of its interval. A path is in the graph if its interval lies beyond
# the threshold, above it or below its negative, and if it leads to the logits, by itself or with others.
# It need not come from embed: what a part reads may be spread over many paths, each of which is weak.
# Variable: threshold.
BEGIN { FS = "\t" }
$6 > threshold + 0 || $7 < -threshold { path[++n] = $0; from[n] = $2; to[n] = $3 }
END {
	leads["logits"]
	do {
		more = 0
		for (i = 1; i <= n; i++)
			if ((to[i] in leads) && !(from[i] in leads)) { leads[from[i]]; more = 1 }
	} while (more)
	for (i = 1; i <= n; i++)
		if (to[i] in leads)
			print path[i]
}
