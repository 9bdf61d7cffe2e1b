# What seal.pl does with namespaces and mounts; it loads this file and shares what is declared here.
# Sources: namespaces(7), mount_setattr(2), unix(7), proc_net(5).
use strict;

our (%on, @hide, @own, @read, @write, $ownProcesses, $ENOENT, $ENOSYS, $EACCES, $AT_FDCWD);
my ($NEWNS, $NEWUTS, $NEWIPC, $NEWUSER, $NEWPID, $NEWNET) = (0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000);
my ($RDONLY, $NOSUID, $NODEV, $NOEXEC, $REMOUNT, $BIND, $REC, $PRIVATE) = (1, 2, 4, 8, 0x20, 0x1000, 0x4000, 0x40000);

sub unshareAll {
  my $wanted = $NEWNS | $NEWIPC | $NEWUTS | ($on{network} ? 0 : $NEWNET) | ($ownProcesses ? $NEWPID : 0);
  my ($user, $group) = ($> + 0, $) + 0);
  return if $user == 0 && call('unshare', $wanted) != -1;
  my $reason = "$!";
  call('unshare', $wanted | $NEWUSER) != -1
    or refuse("unshare: $!" . ($user == 0 ? "; without a user namespace: $reason" : ''));
  # Files keep their owner.
  put('/proc/self/setgroups', 'deny');
  put('/proc/self/uid_map', "$user $user 1");
  put('/proc/self/gid_map', "$group $group 1");
}

sub makeMounts {
  my ($sockets) = @_;
  # What has to stay in reach is held before anything covers it.
  my %held = map { $_ => hold($_) } @read, @write, grep { -e } map { "/dev/$_" } qw(null zero full random urandom tty ptmx);
  $held{$_} >= 0 or refuse("$_: it cannot be opened") for @write;
  readOnly('/', 1, 1);
  ownDevices(\%held);
  # Shorter paths first: what one covers need not be covered again.
  my %own = map { $_ => 1 } @own;
  my @closed;
  for my $path (sort { length $a <=> length $b } @hide, @own) {
    # It may lie in one that is covered already.
    if ($own{$path} ? makeFolder($path) : -d $path) {
      my $mode = $own{$path} ? 'mode=1777' : 'mode=0755';
      attempt("tmpfs on $path", 'mount', 'tmpfs', $path, 'tmpfs', $NOSUID | $NODEV, $mode);
      push @closed, $path unless $own{$path};
    } elsif (-e _) { bindAt($held{'/dev/null'}, $path) }
  }
  my %written = map { $_ => 1 } @write;
  # Shorter paths first: an output lies in the store.
  for my $path (sort { length $a <=> length $b } grep { $held{$_} >= 0 } keys %written, grep { !$written{$_} } @read) {
    bindAt($held{$path}, $path);
    readOnly($path, 0, 0) if $written{$path};
  }
  hideSockets($sockets, $held{'/dev/null'});
  readOnly($_, 1, 0) for @closed;
  return unless $ownProcesses;
  attempt('mounting proc', 'mount', 'proc', '/proc', 'proc', $RDONLY | $NOSUID | $NODEV | $NOEXEC, 0);
}

# Folders of the machine's Unix sockets: a network namespace of our own would not show them. They are told by the names that they were made
# with, and may have another since.
sub socketFolders {
  my %found = map { m{^\S+: (?:\S+ ){5} *\d+ (/.*)/} ? ($1 => 1) : () } split /\n/, contents('/proc/net/unix');
  return keys %found;
}

# Nor would it keep them out of reach: whoever finds the file of one finds who listens there.
sub hideSockets {
  my ($folders, $nothing) = @_;
  for my $folder (@$folders) {
    next if grep { index("$folder/", "$_/") == 0 } @write;
    opendir(my $entries, $folder) or next;
    for my $path (grep { -S } map { "$folder/$_" } readdir $entries) {
      next if call('mount', "/proc/self/fd/$nothing", $path, 0, $BIND, 0) != -1;
      my $reason = "$!";
      # Those that have just ended are no matter.
      refuse("hiding $path: $reason") if -S $path;
    }
  }
}

# Only devices that hold nothing: as root the disk itself would be there to be written.
sub ownDevices {
  my ($held) = @_;
  attempt('tmpfs on /dev', 'mount', 'tmpfs', '/dev', 'tmpfs', $NOSUID, 'mode=0755');
  mkdir "/dev/$_" for qw(shm pts);
  symlink "/proc/self/$_->[0]", "/dev/$_->[1]" for ['fd', 'fd'], ['fd/0', 'stdin'], ['fd/1', 'stdout'], ['fd/2', 'stderr'];
  my $terminals = call('mount', 'devpts', '/dev/pts', 'devpts', $NOSUID | $NOEXEC, 'newinstance,ptmxmode=0666,mode=620') != -1;
  symlink 'pts/ptmx', '/dev/ptmx' if $terminals;
  for my $path (sort grep { m{^/dev/} && !($terminals && $_ eq '/dev/ptmx') } keys %$held) {
    next unless $path =~ m{^/dev/(?:null|zero|full|random|urandom|tty|ptmx)$};
    bindAt($held->{$path}, $path);
  }
  attempt('tmpfs on /dev/shm', 'mount', 'tmpfs', '/dev/shm', 'tmpfs', $NOSUID | $NODEV, 'mode=1777');
}

# Puts what a descriptor holds at a path, which is made when it is not there.
sub bindAt {
  my ($descriptor, $path) = @_;
  my $from = "/proc/self/fd/$descriptor";
  if (!-e $path) {
    my ($above) = $path =~ m{^(.*)/}s;
    if (-d $from) { makeFolder($path) or refuse("making $path: $!") }
    else { makeFolder($above) and open(my $file, '>', $path) or refuse("making $path: $!") }
  }
  attempt("binding $path", 'mount', $from, $path, 0, $BIND | $REC, 0);
}

# Whether it is there now, with what it lies in.
sub makeFolder {
  my $at = '';
  for (grep { $_ ne '' } split m{/}, $_[0]) { $at .= "/$_"; mkdir $at, 0755 }
  return -d $at;
}

# Makes mounts read-only, or one writable again. All of them also become private.
sub readOnly {
  my ($path, $closed, $all) = @_;
  my $change = pack('Q4', $closed ? (1, 0) : (0, 1), $all ? $PRIVATE : 0, 0);
  return if call('mount_setattr', $AT_FDCWD, $path, $all ? 0x8000 : 0, $change, 32) != -1; # AT_RECURSIVE
  refuse("mount_setattr $path: $!") if $! != $ENOSYS;
  # Before Linux 5.12.
  attempt('private mounts', 'mount', 'none', '/', 0, $REC | $PRIVATE, 0) if $all;
  my %flags = (nosuid => $NOSUID, nodev => $NODEV, noexec => $NOEXEC, noatime => 1024, nodiratime => 2048, relatime => 1 << 21);
  for my $line (split /\n/, contents('/proc/self/mountinfo')) {
    my ($mounted, $options) = (split / /, $line)[4, 5];
    $mounted =~ s/\\(\d{3})/chr oct $1/ge;
    next unless $all || $mounted eq $path;
    my $kept = $closed ? $RDONLY : 0;
    $kept |= $flags{$_} || 0 for split /,/, $options;
    next if call('mount', 'none', $mounted, 0, $REMOUNT | $BIND | $kept, 0) != -1;
    refuse("remounting $mounted: $!") unless $all && ($! == $ENOENT || $! == $EACCES);
  }
}

sub raiseLoopback {
  socket(my $socket, 1, 2, 0) or return; # AF_UNIX, SOCK_DGRAM: any sort will do, and with --offline there is no other
  my $request = pack('a16 s x22', 'lo', 1);
  ioctl($socket, 0x8914, $request); # SIOCSIFFLAGS: IFF_UP
}

1;
