# Runs a program to which the kernel refuses system calls, as the filter of a container or an older kernel does:
# deny.pl NUMBER[:ERRNO[:FIRST]]... -- PROGRAM ARGUMENT...; FIRST: only with this first argument.
use strict;
my @numbers;
while (defined(my $word = shift @ARGV)) { last if $word eq '--'; push @numbers, [split /:/, $word] }
my $prctl = `uname -m` =~ /x86_64/ ? 157 : 167;
my $refuse = 0x00050000; # SECCOMP_RET_ERRNO
my @filter = ([0x20, 0, 0, 0], (map {
  my ($number, $error, $first) = @$_;
  my @told = defined $first ? ([0x20, 0, 0, 16], [0x15, 0, 1, $first]) : ();
  [0x15, 0, @told + (@told ? 2 : 1), $number], @told, [0x06, 0, 0, $refuse | ($error // 1)], @told ? [0x20, 0, 0, 0] : ();
} @numbers), [0x06, 0, 0, 0x7fff0000]);
my $code = join('', map { pack('S C C L', @$_) } @filter);
syscall($prctl, 38, 1, 0, 0, 0);
syscall($prctl, 22, 2, pack('S x6 P', scalar @filter, $code), 0, 0) == 0 or die "seccomp: $!";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!";
