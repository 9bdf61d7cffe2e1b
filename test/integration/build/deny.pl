# Runs a program to which the kernel refuses system calls, as the filter of a container or an older kernel does:
# deny.pl NUMBER[:ERRNO]... -- PROGRAM ARGUMENT...
use strict;
my @numbers;
while (defined(my $word = shift @ARGV)) { last if $word eq '--'; push @numbers, [split /:/, "$word:1"] }
my $prctl = `uname -m` =~ /x86_64/ ? 157 : 167;
my $refuse = 0x00050000; # SECCOMP_RET_ERRNO
my @filter = ([0x20, 0, 0, 0], (map { [0x15, 0, 1, $_->[0]], [0x06, 0, 0, $refuse | $_->[1]] } @numbers), [0x06, 0, 0, 0x7fff0000]);
my $code = join('', map { pack('S C C L', @$_) } @filter);
syscall($prctl, 38, 1, 0, 0, 0);
syscall($prctl, 22, 2, pack('S x6 P', scalar @filter, $code), 0, 0) == 0 or die "seccomp: $!";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!";
