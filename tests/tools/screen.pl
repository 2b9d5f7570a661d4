# screen.pl COLUMNS ROWS - what a terminal of this size shows after the bytes of stdin: each row after
# "|", after "^" the lines that scrolled off, and in the last line where the cursor is, if it is
# hidden, and which rows scroll. It knows the escape sequences that the programs write, and dies of
# others.
use strict;
use warnings;

binmode STDIN, ':utf8';
binmode STDOUT, ':utf8';
my ($columns, $rows) = @ARGV;
my @cells = map { blank() } 1 .. $rows;
my ($row, $column, $wrap) = (0, 0, 0); # wrap: the last column is full, and the next character wraps
my ($top, $bottom) = (0, $rows - 1);
my (@saved, @gone);
my $hidden = '';

sub blank { [(' ') x $columns] }

sub feed {
	$wrap = 0;
	if ($row != $bottom) {
		$row++ if $row < $rows - 1;
		return;
	}
	my $line = splice @cells, $top, 1;
	push @gone, join '', @$line if $top == 0;
	splice @cells, $bottom, 0, blank();
}

sub put {
	if ($wrap) {
		$column = 0;
		feed();
	}
	$cells[$row][$column] = $_[0];
	$wrap = $column == $columns - 1;
	$column++ unless $wrap;
}

# The row and column of a sequence, from 1; those that are left out are $else.
sub place {
	my ($n, $else, $most) = @_;
	$n = $else unless $n;
	return ($n > $most ? $most : $n) - 1;
}

my %sequence = (
	H => sub { ($row, $column, $wrap) = (place($_[0], 1, $rows), place($_[1], 1, $columns), 0) },
	r => sub {
		($top, $bottom) = (place($_[0], 1, $rows), place($_[1], $rows, $rows));
		($row, $column, $wrap) = (0, 0, 0);
	},
	A => sub {
		$row = $row > $_[0] ? $row - $_[0] : 0;
		$wrap = 0;
	},
	K => sub { $cells[$row][$_] = ' ' for $column .. $columns - 1 },
	m => sub { },
	'?h' => sub { $hidden = '' if $_[0] == 25 },
	'?l' => sub { $hidden = ' hidden' if $_[0] == 25 },
);

local $/;
my $in = <STDIN>;
while ($in =~ /\G(?:\e\[(\??)([\d;]*)([A-Za-z])|\e([78])|(.))/gs) {
	my ($private, $numbers, $letter, $cursor, $character) = ($1, $2, $3, $4, $5);
	if (defined $letter) {
		my $do = $sequence{"$private$letter"} or die "\\e[$private$numbers$letter is not known\n";
		$do->(split /;/, $numbers);
	} elsif (defined $cursor) {
		@saved = ($row, $column, $wrap) if $cursor == 7;
		($row, $column, $wrap) = @saved if $cursor == 8;
	} elsif ($character eq "\n") {
		feed();
	} elsif ($character eq "\r") {
		($column, $wrap) = (0, 0);
	} elsif ($character lt ' ') {
		die sprintf "the control character \\x%02x is not known\n", ord $character;
	} else {
		put($character);
	}
}
for my $line ((map { "^$_" } @gone), map { '|' . join '', @$_ } @cells) {
	$line =~ s/ +$//;
	print "$line\n";
}
printf "cursor %d %d%s, scrolls %d-%d\n", $row + 1, $column + 1, $hidden, $top + 1, $bottom + 1;
