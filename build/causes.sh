# Sets cause, the code word of why a program did not start, and ended_with, its exit status.
# The words of its output are sure, so they count first. Arguments: output, exit status.
cause_of() {
  ended_with=$2 lacks=''
  case $1 in
    *'failed to map segment'*'not permitted'*) cause=NOEXEC_MOUNT ;;
    *'failed to map segment'*) cause=ADDRESS_SPACE ;;
    *': Error 24'* | *EMFILE* | *'oo many open files'* | *uv_loop_init* | \
      *DelayedTaskScheduler::Run*)
      cause=OPEN_FILES
      ;;
    *'error while loading shared libraries: '*)
      cause=LIBRARY_MISSING
      lacks=${1#*'error while loading shared libraries: '}
      lacks=${lacks%%:*}
      ;;
    *GLIBC*'not found'* | *CXXABI*'not found'*) cause=GLIBC_TOO_OLD ;;
    *'Check failed: 12 =='*) cause=SELINUX ;;
    *'bad_alloc'* | *'ut of memory'* | *'annot allocate memory'* | *'mmap error: 12'* | \
      *'llocation failed'*)
      cause=ADDRESS_SPACE
      ;;
    *DelayedTaskScheduler::Start* | *uv_thread_create* | *'temporarily unavailable'* | \
      *'annot fork'* | *"an't fork"*)
      cause=PROCESS_SLOTS
      ;;
    # Some shells read what the system does not accept as a script.
    *'xec format error'* | *'yntax error'*) cause=DAMAGED ;;
    *)
      case $2 in
        0) cause=SILENT ;;
        # It hung until timeout(1) ended it, or timeout could not start it.
        124 | 125 | 142 | 143) cause=PROCESS_SLOTS ;;
        126) cause=NOT_EXECUTABLE ;;
        127) cause=LOADER_MISSING ;;
        132) cause=CPU_TOO_OLD ;;
        133 | 134 | 135 | 139) cause=CRASHED ;;
        137) cause=KILLED ;;
        152) cause=CPU_TIME ;;
        153) cause=FILE_SIZE ;;
        *) cause=ENDED ;;
      esac
      ;;
  esac
}

# Sets why and remedy, what there is to say of this cause.
words_of() {
  cause=$1 why='' remedy=''
  known NOT_EXECUTABLE 'This system does not let it run: its file system is mounted noexec, or a
  security policy forbids it.' \
    'put it on another file system, or ask the administrator for the reason: SELinux, AppArmor.'
  known NOEXEC_MOUNT 'A library is on a file system that is mounted noexec.' \
    'let root mount it with exec.'
  known DAMAGED 'It is no program: it was damaged on its way here, or it is something else.' \
    'transfer it again, in binary mode.'
  known WRONG_MACHINE "It is made for ${made_for-} processors, and this machine is ${machine-}." \
    'use the release ...-linux-x64 on x86_64, ...-linux-arm64 on aarch64. There are no others.'
  known LOADER_MISSING 'Its loader is missing: this system has no glibc (Alpine and others have musl
  instead).' 'use a system with glibc 2.28 or newer: Debian 10, Ubuntu 20.04, RHEL 8 or later.'
  known LIBRARY_MISSING "The library ${lacks-} is missing or broken." \
    'install the package that contains it.'
  known GLIBC_TOO_OLD \
    'The C library or libstdc++ of this system is too old: glibc 2.28 is needed.' \
    'use a newer system: Debian 10, Ubuntu 20.04, RHEL 8 or later.'
  known SELINUX 'SELinux forbids something that it needs to run.' \
    'give it the label of CGI programs, and read the audit log.'
  known ADDRESS_SPACE 'Too little memory is allowed. It needs 650 MB of address space (ulimit -v),
  most of it never used, and 40 MB of data.' 'raise the limit, or ask the hoster for 650 MB.'
  known PROCESS_SLOTS 'Each request needs 3 free processes or threads (ulimit -u).' \
    'end what else runs under this user, or have the limit raised (Apache: RLimitNPROC).'
  known OPEN_FILES "Too few open files are allowed${limit_files:+: $limit_files}." \
    'have the limit raised to 64 or more (ulimit -n).'
  known CPU_TIME "A limit of processor time${limit_cpu:+ ($limit_cpu seconds)} ended it." \
    'have it raised (Apache: RLimitCPU; ulimit -t): large uploads take seconds.'
  known FILE_SIZE 'A limit on the size of files ended it.' 'have it raised (ulimit -f).'
  known KILLED 'Something killed it at once: a limit of memory or of processor time.' \
    'ask the hoster which limit it was (LVE, cgroup, RLimitCPU). It needs 100 MB of memory.'
  known CPU_TOO_OLD 'The processor lacks an instruction that it needs (SIGILL).' \
    'use a newer machine.'
  known CRASHED "It crashed at once (status ${ended_with-}). Most likely it was
  damaged on its way here, or by strip, which rpmbuild and makepkg run on every program." \
    'transfer it again, in binary mode, without strip.'
  known SILENT 'It ran and printed nothing: it is not upload.cgi, or it is damaged.' \
    'transfer it again, in binary mode.'
  known ENDED "It ended with status ${ended_with-} before it could answer." \
    'show the lines above to its authors.'
}

# A row of that table: code word, why, remedy.
known() {
  if [ "$cause" = "$1" ]; then why=$2 remedy=$3; fi
}

# Sets made_for and machine, whose processors an ELF file is for and which this machine has. The
# argument is the number in the file, e_machine.
processors_of() {
  case $1 in
    62) made_for=x86_64 ;;
    183) made_for=aarch64 ;;
    3) made_for=i386 ;;
    40) made_for=arm ;;
    *) made_for="other (number $1)" ;;
  esac
  machine=$(uname -m)
  case $machine in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
  esac
}
