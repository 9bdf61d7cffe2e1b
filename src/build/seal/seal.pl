#!/usr/bin/perl
# Runs one program of a build sealed off from the machine, and ends what it leaves behind. Plain perl, no modules: OpenSSL needs perl anyway,
# and loading one would cost more than the seal. What mounts.pl beside it has is for namespaces.
#
#   seal.pl --arch x86_64|aarch64 [--namespaces] [--no-pid] [--network] [--shell] [--probe] -- PROGRAM [ARGUMENT]...
#
# The paths come in TLSFORGE_SEAL, so that no command line names an output that it does not use: a line each, `write PATH`, with line feeds and
# percent signs as %0A and %25.
#
# --namespaces  user (unless root may do without), mount, pid, ipc, uts and network namespaces: everything read-only but the folders to write to.
#               Without: Landlock and a filter for sockets alone.
# --no-pid      the machine's process table stays in sight, for where no /proc can be mounted
# --network     the network stays
# --shell       somebody is at the terminal: SIGHUP and SIGTERM go on to the program, the terminal is ours again afterwards, and nothing is typed
#               into it for whoever reads it then
# --probe       say what could be had, and run nothing
# hide          nobody finds what is there; own: an empty folder of its own instead; read: still there to be read; write: and to be written
# in            the folder that the program begins in
# parent        whose child we are: when it ends, in whatever way, so does everything in the seal
#
# Exit status: the program's, 128 and the signal's number, 126 and 127 as shells have it; 125 when the seal could not be made, and 124 when
# that, or the program's start, failed for want of memory, processes or files, or by a disk's fault, which says nothing of the machine.
# Sources: pid_namespaces(7), PR_SET_PDEATHSIG(2const), landlock(7), seccomp(2), capabilities(7), ioctl_tty(2).
use strict;

# closed: memory, semaphores and queues of System V and POSIX, which are the machine's, and io_uring_setup, which would go around the filter.
# ioctl: 514 is the one of x32, which kernels before 5.4 also take without the bit that marks such calls.
my %numbers = (
  x86_64 => {
    unshare => 272, mount => 165, openat => 257, prctl => 157, capget => 125, capset => 126, mount_setattr => 442,
    landlock_create => 444, landlock_add => 445, landlock_restrict => 446, socket => 41, ioctl => [16, 514], audit => 0xC000003E,
    closed => [29 .. 31, 64 .. 71, 220, 240 .. 245, 425],
  },
  aarch64 => {
    unshare => 97, mount => 40, openat => 56, prctl => 167, capget => 90, capset => 91, mount_setattr => 442,
    landlock_create => 444, landlock_add => 445, landlock_restrict => 446, socket => 198, ioctl => [29], audit => 0xC00000B7,
    closed => [180 .. 197, 425],
  },
);
# What shells say of a program that a signal ended.
my %words = (4 => 'Illegal instruction', 6 => 'Aborted', 7 => 'Bus error', 8 => 'Floating point exception', 9 => 'Killed', 11 => 'Segmentation fault');
our ($ENOENT, $ENOSYS, $EACCES, $AT_FDCWD) = (2, 38, 13, -100);
my ($EPERM, $ENOEXEC, $ENETUNREACH) = (1, 8, 101);
my %passing = map { $_ => 1 } 5, 11, 12, 23, 24, 26; # EIO, EAGAIN, ENOMEM, ENFILE, EMFILE, ETXTBSY

our (%on, @hide, @own, @read, @write);
my ($arch, $begin, $parent) = ('', '/', parent());
my %list = (hide => \@hide, own => \@own, read => \@read, write => \@write);
while (@ARGV) {
  my $word = shift @ARGV;
  last if $word eq '--';
  if ($word =~ /^--(namespaces|no-pid|network|shell|probe)$/) { $on{$1} = 1 }
  elsif ($word eq '--arch') { $arch = shift @ARGV }
  else { print STDERR "tlsforge: seal.pl does not know $word\n"; exit 125 }
}
for my $line (split /\n/, delete $ENV{TLSFORGE_SEAL}) {
  my ($what, $path) = split / /, $line, 2;
  $path =~ s/%(0A|25)/chr hex $1/ge;
  if ($what eq 'in') { $begin = $path }
  elsif ($what eq 'parent') { $parent = $path }
  else { push @{$list{$what}}, $path }
}
my $number = $numbers{$arch} or refuse("processor $arch");
our $ownProcesses = $on{namespaces} && !$on{'no-pid'};
my $abi = landlockAbi();

my @sockets;
if ($on{namespaces}) {
  my ($beside) = $0 =~ m{^(.*)/}s;
  require "$beside/mounts.pl";
  @sockets = socketFolders();
  unshareAll();
} else { refuse('Landlock: it is not there') if $abi < 1 }
my $terminal = $on{shell} && ownsTerminal();
my $below;
$SIG{$_} = 'IGNORE' for qw(HUP INT TERM TTOU);
if ($on{shell}) {
  for my $name (qw(HUP TERM)) { $SIG{$name} = sub { kill $name, $below if $below } }
}
endWithParent();
if ($ownProcesses) {
  # The first process of the new process table. When it ends, so does everything in there.
  my $first = fork;
  refuse("fork: $!") unless defined $first;
  if ($first) {
    $below = $first;
    waitpid($first, 0);
    finish(statusOf($?));
  }
  $terminal = 0;
  call('prctl', 1, 9); # PR_SET_PDEATHSIG: SIGKILL
} else {
  call('prctl', 36, 1); # PR_SET_CHILD_SUBREAPER: orphans come to us
}
makeMounts(\@sockets) if $on{namespaces};
raiseLoopback() if $on{namespaces} && !$on{network};
finish(runAndClear());

# --- the program and what it leaves ---

# Counted as /proc does, which may be another process table's.
sub parent { return contents('/proc/self/stat') =~ /^.*\) \S (\d+)/s ? $1 : 0 }

# A process table goes with its first process, which goes with us. Without one we have to live on for a moment.
sub endWithParent {
  my $signal = $ownProcesses ? 9 : 10; # SIGKILL, SIGUSR1
  $SIG{USR1} = sub { endAll(); exit 137 } unless $ownProcesses;
  call('prctl', 1, $signal); # PR_SET_PDEATHSIG
  exit 137 if parent() != $parent; # It was gone before we asked.
}

sub runAndClear {
  my $child = fork;
  refuse("fork: $!") unless defined $child;
  startProgram() unless $child;
  $below = $child;
  my $ended;
  do { $ended = waitpid(-1, 0) } while ($ended != $child && $ended != -1);
  my $status = statusOf($?);
  print STDERR "$words{$? & 127}\n" if $words{$? & 127};
  # What is just ending is given a moment.
  for (1 .. 10) {
    return $status if reapAll();
    select(undef, undef, undef, 0.01);
  }
  my %left = remaining();
  my $names = join(', ', map { "$left{$_} ($_)" } sort { $a <=> $b } keys %left);
  print STDERR "\n[tlsforge: left behind by this program, and ended: $names]\n" if %left;
  endAll();
  return $status;
}

sub endAll {
  until (reapAll()) {
    if ($ownProcesses) { kill 'KILL', -1 }
    else { my %now = remaining(); kill 'KILL', keys %now }
    select(undef, undef, undef, 0.005);
  }
}

# Whether nothing is left.
sub reapAll {
  my $ended;
  do { $ended = waitpid(-1, 1) } while ($ended > 0); # WNOHANG
  return $ended == -1;
}

# Command lines by process number: all of an own process table, else our children.
sub remaining {
  my %found;
  opendir(my $folder, '/proc') or return ();
  for my $pid (grep { /^\d+$/ && $_ != $$ } readdir $folder) {
    my $stat = contents("/proc/$pid/stat");
    next unless $stat =~ /^.*\) (\S) (\d+)/s && $1 ne 'Z' && ($ownProcesses || $2 == $$);
    (my $line = substr(contents("/proc/$pid/cmdline"), 0, 80)) =~ s/\0+$//;
    ($found{$pid} = $line) =~ tr/\0\n/ /;
  }
  return %found;
}

sub startProgram {
  $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM TTOU USR1);
  dropPrivileges();
  # Programs of builds have no terminal (`runCommand`), and are spared what a filter costs.
  my $filtered = 0;
  if ($on{shell} || !$on{namespaces}) {
    $filtered = filterCalls();
    refuse("a filter of system calls: $!") if !$filtered && ($on{shell} || $passing{$! + 0});
  }
  restrict() if $abi >= ($on{namespaces} ? 2 : 1);
  if ($on{probe}) {
    my $closed = $on{namespaces} || $filtered ? 'closed' : $abi >= 4 ? 'tcp' : 'open';
    $| = 1;
    print "sealed abi=$abi network=$closed\n";
    exit 0;
  }
  chdir $begin or refuse("chdir $begin: $!");
  my $program = $ARGV[0];
  exec { $program } @ARGV;
  exec '/bin/sh', @ARGV if $! == $ENOEXEC;
  my ($error, $reason) = ($! + 0, "$!");
  print STDERR $error == $ENOENT ? "sh: 1: $program: not found\n" : "sh: 1: $program: $reason\n";
  exit($passing{$error} ? 124 : $error == $ENOENT ? 127 : 126);
}

# A shell takes the terminal for itself; from another process table it cannot tell whose it was.
sub ownsTerminal {
  my $group = pack('i', 0);
  return ioctl(STDIN, 0x540F, $group) && unpack('i', $group) == getpgrp; # TIOCGPGRP
}

sub finish {
  ioctl(STDIN, 0x5410, pack('i', getpgrp)) if $terminal; # TIOCSPGRP
  exit $_[0];
}

# --- what the program itself is bound by ---

# Root keeps what has to do with files and users.
sub dropPrivileges {
  my %kept = map { $_ => 1 } 0, 1, 3, 4, 6, 7; # CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID
  for my $capability (0 .. 63) { call('prctl', 24, $capability, 0, 0, 0) unless $kept{$capability} } # PR_CAPBSET_DROP
  my $header = pack('L l', 0x20080522, 0);
  my $sets = "\0" x 24;
  if (call('capget', $header, $sets) != -1) {
    my @words = unpack('L6', $sets);
    @words[2, 5] = (0, 0); # inheritable
    call('capset', $header, pack('L6', @words));
  }
  call('prctl', 47, 4, 0, 0, 0); # PR_CAP_AMBIENT_CLEAR_ALL
  attempt('no_new_privs', 'prctl', 38, 1, 0, 0, 0);
}

sub landlockAbi {
  my $version = call('landlock_create', 0, 0, 1); # LANDLOCK_CREATE_RULESET_VERSION
  return $version < 0 ? 0 : $version;
}

sub restrict {
  my %right = (EXECUTE => 0, WRITE_FILE => 1, READ_FILE => 2, REMOVE_DIR => 4, REMOVE_FILE => 5, MAKE_CHAR => 6, MAKE_DIR => 7,
    MAKE_REG => 8, MAKE_SOCK => 9, MAKE_FIFO => 10, MAKE_BLOCK => 11, MAKE_SYM => 12, REFER => 13, TRUNCATE => 14);
  my @writing = grep { !/READ_FILE|EXECUTE/ && !($_ eq 'REFER' && $abi < 2) && !($_ eq 'TRUNCATE' && $abi < 3) } keys %right;
  my $writes = 0;
  $writes |= 1 << $right{$_} for @writing;
  my $reads = $on{namespaces} ? 0 : 1 << $right{READ_FILE};
  my $fileOnly = 1 << 0 | 1 << $right{READ_FILE} | 1 << $right{WRITE_FILE} | ($abi < 3 ? 0 : 1 << $right{TRUNCATE});
  my $devices = 1 << $right{MAKE_CHAR} | 1 << $right{MAKE_BLOCK};
  my $network = $abi >= 4 && !$on{namespaces} && !$on{network} ? 3 : 0; # BIND_TCP, CONNECT_TCP
  my $scoped = $abi >= 6 ? 3 : 0; # abstract Unix sockets, signals
  my $size = $abi < 4 ? 8 : $abi < 6 ? 16 : 24;
  my $rules = attempt('Landlock', 'landlock_create', pack('Q3', $writes | $reads, $network, $scoped), $size, 0);
  my $allow = sub {
    my ($path, $rights) = @_;
    my $descriptor = hold($path);
    return if $descriptor < 0;
    $rights &= $fileOnly unless -d $path;
    attempt("Landlock for $path", 'landlock_add', $rules, 1, pack('Q l', $rights, $descriptor), 0) if $rights;
  };
  $allow->($_, ($writes & ~$devices) | $reads) for @write;
  if ($on{namespaces}) { $allow->($_, $writes & ~$devices) for @own, '/dev' }
  else {
    # Semaphores are files there: Python's configure makes one, and where it cannot, multiprocessing goes without.
    $allow->('/dev/shm', ($writes & ~$devices) | $reads);
    $allow->("/dev/$_", $writes | $reads) for qw(null zero full random urandom tty ptmx pts);
    # To root the disk itself would be there to be read.
    my %hidden = map { $_ => 1 } @hide, @own, '/dev';
    allowReading('/', \%hidden, sub { $allow->($_[0], $reads) });
    $allow->($_, $reads) for @read;
  }
  attempt('Landlock', 'landlock_restrict', $rules, 0);
}

# Landlock names what is allowed, so what is hidden is gone around.
sub allowReading {
  my ($path, $hidden, $allow) = @_;
  return if $hidden->{$path} || -l $path;
  my $below = $path eq '/' ? '/' : "$path/";
  return $allow->($path) unless grep { index($_, $below) == 0 } keys %$hidden;
  opendir(my $folder, $path) or return;
  allowReading("$below$_", $hidden, $allow) for grep { $_ ne '.' && $_ ne '..' } readdir $folder;
}

# Nothing is put into the input of a terminal: whoever has it afterwards would run that, outside of the seal (ioctl_tty(2), TIOCSTI, TIOCLINUX).
# Without namespaces: nothing of the machine's IPC, and no socket but Unix ones unless the network stays. Landlock does not know datagrams.
sub filterCalls {
  my ($allow, $fail) = (0x7fff0000, 0x00050000); # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
  my @program = (
    [0x20, 0, 0, 4], [0x15, 1, 0, $number->{audit}], [0x06, 0, 0, $fail | $ENOSYS], # another processor's calls
    [0x20, 0, 0, 0], [0x35, 0, 1, 0x40000000], [0x06, 0, 0, $fail | $ENOSYS], # the x32 calls
    (map {
      [0x15, 0, 5, $_], [0x20, 0, 0, 24], # what is asked: the kernel takes the low half alone
      [0x15, 1, 0, 0x5412], [0x15, 0, 1, 0x541C], [0x06, 0, 0, $fail | $EPERM], [0x20, 0, 0, 0],
    } @{$number->{ioctl}}),
    $on{namespaces} ? () : (map { [0x15, 0, 1, $_], [0x06, 0, 0, $fail | $ENOSYS] } @{$number->{closed}}),
    $on{namespaces} || $on{network} ? () : ([0x15, 0, 3, $number->{socket}], [0x20, 0, 0, 16], [0x15, 1, 0, 1], [0x06, 0, 0, $fail | $ENETUNREACH]),
    [0x06, 0, 0, $allow],
  );
  my $code = join('', map { pack('S C C L', @$_) } @program);
  return call('prctl', 22, 2, pack('S x6 P', scalar @program, $code), 0, 0) != -1; # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
}

# --- small things ---

sub call { my ($name, @arguments) = @_; return syscall($number->{$name}, @arguments) }

sub attempt {
  my ($what, $name, @arguments) = @_;
  my $result = call($name, @arguments);
  refuse("$what: $!") if $result == -1;
  return $result;
}

# O_PATH | O_CLOEXEC
sub hold { return call('openat', $AT_FDCWD, $_[0], 0x200000 | 0x80000, 0) }

sub refuse {
  my $short = $passing{$! + 0};
  print STDERR "tlsforge: the seal could not be made: $_[0]\n";
  exit($short ? 124 : 125);
}

sub put {
  my ($file, $text) = @_;
  open(my $handle, '>', $file) or refuse("writing $file: $!");
  syswrite($handle, $text) or refuse("writing $file: $!");
}

sub contents {
  my ($file) = @_;
  open(my $handle, '<', $file) or return '';
  local $/;
  my $text = <$handle> // '';
  return $text;
}

# As shells tell how a program ended.
sub statusOf { return $_[0] & 127 ? 128 + ($_[0] & 127) : $_[0] >> 8 }
