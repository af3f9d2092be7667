#!/bin/sh
# doctor.cgi: says why upload.cgi does not start, if the web server shows nothing but an error 500.
# Put it beside upload.cgi (mode 755), open it in the browser, read, and delete it. Or run it in a
# terminal as the web server's user: sh doctor.cgi [upload.cgi or a settings script ...]
#
# If this page is an error 500, too, something stops both programs: the mode of this file is not
# 755, others may write to the directory or the file (suexec), the transfer changed the line ends to
# those of Windows, or the server runs no programs in this directory.
#
# It knows eighteen causes, each with a number and a code word. It makes one GET request to the
# program, with a time limit, and otherwise only reads. It ignores what comes over HTTP, and ignores
# its arguments when a web server runs it. Whoever knows its address can read paths and user names,
# so it answers in a browser for an hour only.
# It runs in every POSIX sh (dash, busybox ash). It uses no `set -e`: whatever fails, it completes
# the answer.

newline='
'

# It may be the last process that its user is allowed. So it starts others one at a time, and uses
# no pipeline where the shell itself can do the work.
main() {
  LC_ALL=C
  PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}
  export LC_ALL PATH
  unset CDPATH ENV
  stage=start start=$PWD self=$0
  found='' maybe='' programs='' works=''
  where=terminal
  if [ -n "${GATEWAY_INTERFACE+set}" ]; then where=server; fi
  trap 'finish' EXIT
  go_home
  if [ "$where" = server ]; then
    # A query becomes arguments (RFC 3875 section 4.4), and anybody can send one.
    set --
    refuse_when_old
    head_of_answer '200 OK'
    if [ "${REQUEST_METHOD-}" = HEAD ]; then
      stage=over
      exit 0
    fi
  fi
  stage=limits
  say "doctor.cgi: why does upload.cgi not start?"
  read_limits
  stage=forks
  if [ -z "$uid" ]; then uid=$(id -u); fi
  clock=own
  if timeout 5 true 2>/dev/null; then clock=timeout; fi
  stage=programs
  say "Run ${where_words} as user $uid, $(date -u '+%Y-%m-%d %H:%M UTC' 2>/dev/null)"
  if [ "$uid" = 0 ]; then
    choose_account
    say "You are root, and no permission stops root. Run this again as $account:"
    say "    su -s /bin/sh $account -c $(quote "sh $(quote "$self")")"
  fi
  if [ $# -gt 0 ]; then
    for file in "$@"; do
      case $file in /*) ;; *) file=$start/$file ;; esac
      examine "$file"
    done
  else
    examine_those_beside
  fi
  if [ -z "$programs" ]; then
    say ''
    say "NO_PROGRAM: there is no executable upload.cgi and no settings script in $(shown "$here")."
    say '  Put doctor.cgi into the directory of upload.cgi, or name it:'
    say '    sh doctor.cgi /path/of/upload.cgi'
  fi
  stage=table
  table_of_causes
  stage=facts
  facts
  stage=over
}

# Sets account: whose folder this is, as whom suexec runs it, or else the web server's user.
choose_account() {
  # shellcheck disable=SC2046 # words
  set -- $(ls -ld -- "$here" 2>/dev/null)
  account=${3:-root}
  case $account in root | *[!a-z0-9_-]*) account=www-data ;; esac
}

# --- The answer -----------------------------------------------------------------------------------

head_of_answer() {
  printf 'Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n'
  printf 'X-Content-Type-Options: nosniff\r\nX-Robots-Tag: noindex\r\nStatus: %s\r\n\r\n' "$1"
}

# Completes the answer, also when the shell gives up because it can start no process. So it uses
# only what is built into the shell.
finish() {
  trap - EXIT
  if [ "$stage" = over ]; then
    if [ "$where" = server ]; then
      if [ "${REQUEST_METHOD-}" != HEAD ]; then delete_me; fi
      exit 0
    fi
    if [ -n "$found" ]; then exit 1; fi
    exit 0
  fi
  if [ "$stage" = start ]; then
    if [ "$where" = server ]; then head_of_answer '403 Forbidden'; fi
    say 'doctor.cgi cannot tell how long it has been here: this shell could start no other program'
    say '(limit of processes: ulimit -u), or the system lacks stat and find.'
  else
    say ''
    say 'FOUND  10 PROCESS_SLOTS'
    say '  This shell could not start another program in the middle of its work. The host allows'
    say "  this user ${limit_processes:-too few} processes; upload.cgi needs 3 free ones for each"
    say '  request.'
    say '  Remedy: end what else runs under this user, or have the limit raised (Apache:'
    say '  RLimitNPROC; hosters: nproc, entry processes), then open this page again.'
    say "  Other limits: address space ${limit_space:-unknown}, data ${limit_data:-unknown}," \
      "open files ${limit_files:-unknown}."
  fi
  delete_me
  exit 0
}

delete_me() {
  say ''
  say "When you have read this, delete doctor.cgi: it tells strangers about this machine."
  printf '    rm '
  quote "$self"
}

# Arguments: number, code word, sentence, then remedies. A remedy with a leading blank is a command.
finding() {
  found="$found $1 "
  block "FOUND " "$@"
}

possible() {
  maybe="$maybe $1 "
  block "MAYBE " "$@"
}

block() {
  say ''
  printf '%s %2s %s\n' "$1" "$2" "$3"
  say "  $4"
  shift 4
  for line in "$@"; do
    case $line in
      ' '*) say "     $line" ;;
      *) say "  Remedy: $line" ;;
    esac
  done
}

say() {
  printf '%s\n' "$*"
}

# Prints text for people, without the control characters that names and messages may contain.
shown() {
  case $1 in
    *[[:cntrl:]]*) printf '%s\n' "$1" | tr '\000-\037\177' '?' | sed 's/?$//' ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# Prints text as one word for a shell.
quote() {
  case $1 in
    '' | *[!A-Za-z0-9_./:=@%+,-]*)
      printf "'"
      printf '%s\n' "$1" | tr '\001-\011\013-\037\177' '?' | sed "s/'/'\\\\''/g; \$s/\$/'/"
      ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# --- Where and when -------------------------------------------------------------------------------

# Sets here, the directory of this file, without starting a process.
go_home() {
  where_words='in a terminal'
  if [ "$where" = server ]; then where_words='by the web server'; fi
  case $self in
    */*) ;;
    *) self=./$self ;;
  esac
  if cd -P -- "${self%/*}/" 2>/dev/null; then self=$PWD/${self##*/}; fi
  here=$PWD
}

# Unpacking keeps the old modification time, so the time that counts is ctime: when the file was put
# here, or its owner or mode last changed. This is only for browsers: whoever has a terminal could
# read all of this anyway.
refuse_when_old() {
  now=$(date +%s 2>/dev/null)
  changed=$(stat -L -c %Z -- "$self" 2>/dev/null)
  case $now/$changed in
    */ | /* | *[!0-9/]*)
      # find of GNU, busybox and the BSDs can tell it, too.
      fresh=$(find -L "$self" -prune -cmin -60 2>/dev/null)
      ;;
    *)
      # A time a little in the future comes from two clocks. One far ahead would mean for ever.
      fresh=''
      if [ $((now - changed)) -le 3600 ] && [ $((changed - now)) -le 300 ]; then fresh=yes; fi
      ;;
  esac
  if [ -n "$fresh" ]; then return; fi
  head_of_answer '403 Forbidden'
  stage=over
  if [ "${REQUEST_METHOD-}" = HEAD ]; then exit 0; fi
  say 'doctor.cgi has been here for more than an hour, so it does not answer any more: its answers'
  say 'are not for everybody. Delete it, or renew it for another hour: upload it again, or run'
  say '    chmod 755 doctor.cgi'
  # The usual ending names the path of this file, which strangers must not see.
  trap - EXIT
  exit 0
}

# --- Which programs -------------------------------------------------------------------------------

examine_those_beside() {
  count=0
  # upload.cgi by its name first: the directory may not allow listing.
  if [ -e "$here/upload.cgi" ] || [ -h "$here/upload.cgi" ]; then examine "$here/upload.cgi"; fi
  for file in "$here"/* "$here"/.[!.]*; do
    if [ ! -f "$file" ] || [ "$file" = "$self" ] || ! is_candidate "$file"; then continue; fi
    count=$((count + 1))
    if [ "$count" -gt 6 ]; then
      say ''
      say "There are more programs here. Name the right ones: sh doctor.cgi FILE ..."
      break
    fi
    examine "$file"
  done
}

is_candidate() {
  case ${1##*/} in
    install.sh | upload.sh | doctor.cgi | upload.cgi) return 1 ;;
  esac
  kind_of "$1"
  case $kind in
    # Other compiled programs are left alone: a request might make them do something.
    elf) grep -q NODE_SEA_FUSE "$1" 2>/dev/null ;;
    script)
      case $first_line in
        *upload.cgi* | *upload-cgi* | *htupload*) return 0 ;;
      esac
      # A settings script whose first line is wrong is still known by its settings.
      grep -q '^directory *=' "$1" 2>/dev/null
      ;;
    *) return 1 ;;
  esac
}

# Sets kind (elf, script, or another word for what the file is) and, for a script, first_line.
kind_of() {
  kind=unreadable first_line=''
  if [ ! -r "$1" ]; then return; fi
  # shellcheck disable=SC2046 # numbers
  set -- "$1" $(bytes "$1" 0 4)
  case "${2-} ${3-} ${4-} ${5-}" in
    '127 69 76 70') kind=elf ;;
    '35 33 '*) kind=script ;;
    '239 187 191 35') kind=marked ;;
    '31 139 '* | '80 75 3 4' | '253 55 122 88') kind=packed ;;
    '   ') kind=empty ;;
    *) kind=unknown ;;
  esac
  if [ "$kind" = empty ] && [ -s "$1" ]; then
    # There is no tool to look into the file. The shell itself can at least read scripts.
    IFS= read -r first_line <"$1"
    case $first_line in '#!'*) kind=script ;; *) kind=unseen ;; esac
  fi 2>/dev/null
  if [ "$kind" = script ] || [ "$kind" = marked ]; then IFS= read -r first_line <"$1"; fi
}

# Prints bytes of a file as decimal numbers, or nothing if there is no tool for it. It replaces the
# subshell that it must run in. Arguments: path, offset, count.
bytes() {
  if command -v od >/dev/null 2>&1; then exec od -A n -v -t u1 -j "$2" -N "$3" "$1" 2>/dev/null; fi
  exec hexdump -v -s "$2" -n "$3" -e '1/1 "%u "' "$1" 2>/dev/null
}

# Sets sum, the number that these bytes mean, the lowest byte first.
little_endian() {
  sum=0 factor=1
  for byte in "$@"; do
    sum=$((sum + byte * factor))
    factor=$((factor * 256))
  done
}

# --- One program ----------------------------------------------------------------------------------

examine() {
  program=$1
  programs=yes
  say ''
  say "--- $(shown "$program")"
  if [ ! -e "$program" ]; then
    path_that_stops "$program"
    finding 4 PATH_WRONG "$stopped" 'name the file by its right path.'
    return
  fi
  # Reading from a pipe could last for ever.
  if [ ! -f "$program" ]; then
    finding 2 DAMAGED "$(shown "$program") is not a file but a directory or the like." \
      'put the file there.'
    return
  fi
  broken='' grown='' loader='' compiled=''
  kind_of "$program"
  look_at_owner "$program"
  look_at_right "$program"
  look_at_mount "$program"
  case $kind in
    elf) look_at_elf "$program" ;;
    script | marked) look_at_script "$program" ;;
    *) look_at_damage "$program" ;;
  esac
  if [ -n "$broken" ]; then
    say ''
    say '  It was not run: it cannot start, or a shell would read it as text.'
    look_at_limits ''
    return
  fi
  try "$program"
}

# Sets mode, owner, group and size of the file, following symbolic links.
status_of() {
  # shellcheck disable=SC2046 # four words are wanted, and ls -n gives them first
  set -- $(ls -lnLd -- "$1" 2>/dev/null)
  mode=${1-} owner=${3-} group=${4-} size=${5-0}
}

# suexec and programs like it refuse before they start anything. If they run this file, its own
# permissions are right.
look_at_owner() {
  status_of "$1"
  say "    $mode, owner $owner:$group, $size bytes"
  file_mode=$mode file_owner=$owner file_group=$group
  directory=${1%/*}
  directory=${directory:-/}
  status_of "$directory"
  wrong='' remedy='' open=''
  case $file_mode in
    ?????w* | ????????w*)
      wrong="others may write to the file ($file_mode)"
      remedy="chmod 755 $(quote "$1")"
      ;;
  esac
  case $file_mode in
    ???[sS]* | ??????[sS]*)
      wrong="the file is setuid or setgid ($file_mode)"
      remedy="chmod u-s,g-s $(quote "$1")"
      ;;
  esac
  if [ "$owner" != "$file_owner" ] || [ "$group" != "$file_group" ]; then
    wrong="the file belongs to $file_owner:$file_group, its directory to $owner:$group"
    remedy="chown $owner:$group $(quote "$1")"
  fi
  case $mode in
    ?????w* | ????????w?*)
      open=yes
      wrong="others may write to its directory ($mode)"
      remedy="chmod 755 $(quote "$directory")"
      ;;
  esac
  if [ -z "$wrong" ]; then return; fi
  sentence="suexec, which many hosts have, refuses it: $wrong."
  log='the suexec log says so; the error log has only "End of script output before headers".'
  # If the server runs this page as the owner of the directory, the host has something like suexec,
  # which accepted the directory. On other hosts this finding may not matter.
  if [ "$where" = server ] && [ "$uid" != 0 ] && [ "$uid" = "$owner" ] && [ -z "$open" ]; then
    finding 7 SUEXEC_REFUSES "$sentence" "$log" " $remedy"
  else
    possible 7 SUEXEC_REFUSES "$sentence If the server has no suexec, this does not matter." \
      "$log" " $remedy"
  fi
}

look_at_right() {
  if [ -x "$1" ]; then return; fi
  broken=yes
  case $file_mode in
    *x*) whom="for user $uid; its mode is $file_mode" ;;
    *) whom="for anybody: its mode is $file_mode" ;;
  esac
  mount_of "$1"
  case ,$mount_options, in
    # Nothing may be executed there, whatever its mode; look_at_mount reports that.
    *,noexec,*) case $file_mode in *x*) return ;; esac ;;
  esac
  finding 1 NOT_EXECUTABLE "The file is not executable $whom." \
    "make it executable; file managers call this permissions, 755." \
    " chmod 755 $(quote "$1")"
}

look_at_mount() {
  mount_of "$1"
  case ,$mount_options, in
    *,noexec,*)
      broken=yes
      finding 1 NOEXEC_MOUNT \
        "Nothing may be executed on the file system $mount_point: it is mounted noexec." \
        'put the executable on another file system, or let root allow it there.' \
        " mount -o remount,exec $(quote "$mount_point")"
      ;;
  esac
}

# Sets mount_point, mount_options and mount_kind of the file system that a file is on.
mount_of() {
  mount_point='' mount_options='' mount_kind=''
  case $1 in /*) real=$1 ;; *) real=$PWD/$1 ;; esac
  if [ -h "$real" ]; then
    resolved=$(readlink -f -- "$real" 2>/dev/null)
    real=${resolved:-$real}
  fi
  if [ ! -r /proc/self/mounts ]; then return; fi
  while read -r _ point kind_there options _; do
    # The kernel writes a blank in the path as \040.
    case $point in *\\*) point=$(printf '%b' "$(printf '%s\n' "$point" | sed 's/\\/\\0/g')") ;; esac
    case $real/ in
      "${point%/}"/*)
        # Of two mounts on the same directory, the later one counts.
        if [ ${#point} -ge ${#mount_point} ]; then
          mount_point=$point mount_options=$options mount_kind=$kind_there
        fi
        ;;
    esac
  done </proc/self/mounts
}

look_at_damage() {
  broken=yes
  again='transfer it again, in binary mode (FTP programs call the other one ASCII), and compare:'
  sum=" sha256sum $(quote "$1")    # SHA256SUMS of the release has the right one"
  case $kind in
    unreadable)
      # A compiled program needs only to be executable, so this alone is no reason.
      broken=''
      possible 1 NOT_READABLE "User $uid cannot read the file, so its content is unknown;
  a settings script must be readable." "make it readable." " chmod 755 $(quote "$1")"
      ;;
    unseen)
      compare='nothing is known to be wrong. Compare its checksum, here or where it came from:'
      possible 2 DAMAGED \
        'This system has no tool to look into files (od, hexdump), so it was not run.' \
        "$compare" "$sum"
      ;;
    empty)
      finding 2 DAMAGED 'The file is empty: its transfer broke off, or the disk was full.' \
        "$again" "$sum"
      ;;
    packed)
      finding 2 DAMAGED 'The file is still packed (zip, gz or xz).' \
        'unpack it and put its content here.'
      ;;
    *)
      finding 2 DAMAGED 'The file is no program: it begins neither with \177ELF nor with #!.
  A web page was saved in its place, or it was damaged on its way here.' "$again" "$sum"
      ;;
  esac
}

look_at_elf() {
  # shellcheck disable=SC2046 # numbers
  set -- "$1" $(bytes "$1" 0 64)
  file=$1 compiled=$1
  shift
  if [ $# -lt 64 ]; then
    truncated "$file" 64
    return
  fi
  class=$5 order=$6 made_for=$((${19} + 256 * ${20}))
  little_endian "${33}" "${34}" "${35}" "${36}" "${37}" "${38}" "${39}" "${40}"
  headers_at=$sum
  little_endian "${41}" "${42}" "${43}" "${44}" "${45}" "${46}" "${47}" "${48}"
  sections_at=$sum
  headers=$((${57} + 256 * ${58}))
  sections_end=$((sections_at + (${59} + 256 * ${60}) * (${61} + 256 * ${62})))
  processors_of "$made_for"
  if [ "$class" != 2 ] || [ "$order" != 1 ] || [ "$made_for" != "$machine" ]; then
    broken=yes
    tell 3 WRONG_MACHINE
    return
  fi
  status_of "$file"
  if [ "$size" -lt "$sections_end" ]; then
    truncated "$file" "$sections_end"
    return
  fi
  # upload.cgi ends with its section headers. If the file is longer, a transfer added bytes.
  if [ "$size" -gt "$sections_end" ] && grep -q NODE_SEA_FUSE "$file" 2>/dev/null; then
    grown=yes
    possible 2 DAMAGED "The file has $size bytes, $((size - sections_end)) more than it should." \
      'transfer it again, in binary mode (FTP programs call the other one ASCII).'
  fi
  look_at_sum "$file"
  look_at_loader "$file"
}

truncated() {
  broken=yes
  status_of "$1"
  finding 2 DAMAGED \
    "The file is incomplete: it has $size bytes of at least $2, or was changed on its way here." \
    'transfer it again, in binary mode, and make sure that the disk or the quota is not full.' \
    " df -h ."
}

# The release has a file with the checksums of all its files.
look_at_sum() {
  sums=${1%/*}/SHA256SUMS
  if [ ! -r "$sums" ]; then return; fi
  wanted=$(sed -n "s/^\\([0-9a-f]\\{64\\}\\) [ *]upload\\.cgi\$/\\1/p" "$sums" 2>/dev/null)
  if [ -z "$wanted" ] || [ "${1##*/}" != upload.cgi ]; then return; fi
  actual=$(sha256sum <"$1" 2>/dev/null)
  actual=${actual%% *}
  if [ -z "$actual" ] || [ "$actual" = "$wanted" ]; then return; fi
  finding 2 DAMAGED 'Its checksum is not the one in SHA256SUMS beside it.' \
    'transfer it again, in binary mode, or remove SHA256SUMS if it is of another release.'
}

look_at_loader() {
  # shellcheck disable=SC2046 # numbers
  set -- "$1" $(bytes "$1" "$headers_at" "$((headers * 56))")
  file=$1
  shift
  while [ $# -ge 56 ]; do
    # A program header of kind 3 (PT_INTERP) names the loader.
    if [ "$1 $2 $3 $4" = '3 0 0 0' ]; then
      little_endian "$9" "${10}" "${11}" "${12}" "${13}" "${14}"
      loader_at=$sum
      little_endian "${33}" "${34}" "${35}"
      loader=$(exec dd if="$file" bs=1 skip="$loader_at" count="$((sum - 1))" 2>/dev/null)
      break
    fi
    shift 56
  done
  if [ -z "$loader" ] || [ -e "$loader" ]; then return; fi
  broken=yes
  say "    loader $(shown "$loader")"
  tell 4 LOADER_MISSING
}

look_at_script() {
  carriage_return=$(printf '\r_')
  carriage_return=${carriage_return%_}
  if [ "$kind" = marked ]; then
    broken=yes
    finding 4 SCRIPT_MARKED \
      'Its first line has three invisible bytes (a byte order mark) before the #!.' \
      'save it without BOM in the editor, or' " sed -i '1s/^\\xef\\xbb\\xbf//' $(quote "$1")"
    return
  fi
  case $first_line in
    *"$carriage_return")
      broken=yes
      finding 4 SCRIPT_CRLF 'Its first line ends as lines do on Windows (CRLF), and the system
  searches for a program whose name ends so.' 'give it the line ends of Unix.' \
        " sed -i 's/\\r\$//' $(quote "$1")"
      first_line=${first_line%"$carriage_return"}
      ;;
  esac
  interpreter=${first_line#??}
  # The kernel skips blanks and tabs, and takes the first word.
  blanks=${interpreter%%[! 	]*}
  interpreter=${interpreter#"$blanks"}
  interpreter=${interpreter%%[ 	]*}
  say "    settings script for $(shown "$interpreter")"
  if [ -z "$interpreter" ]; then
    broken=yes
    finding 4 PATH_WRONG 'Its first line names no program after #!.' \
      'begin it with the path of upload.cgi:' \
      ' #!/usr/local/bin/upload.cgi'
    return
  fi
  if [ ${#first_line} -gt 127 ]; then
    possible 4 PATH_TOO_LONG \
      "Its first line has ${#first_line} characters; older systems read only 127." \
      'put the executable at a shorter path.'
  fi
  if [ ! -e "$interpreter" ]; then
    broken=yes
    path_that_stops "$interpreter"
    finding 4 PATH_WRONG "Its first line names $(shown "$interpreter"), but $stopped" \
      'write the path of the executable there, or put it where the line says.' \
      " find / -name upload.cgi -type f 2>/dev/null"
    return
  fi
  look_at_right "$interpreter"
  look_at_mount "$interpreter"
  kind_of "$interpreter"
  case $kind in
    elf) look_at_elf "$interpreter" ;;
    script | unreadable) ;;
    *) look_at_damage "$interpreter" ;;
  esac
}

# Sets stopped, a sentence about the first part of the path that is missing or cannot be entered.
path_that_stops() {
  case $1 in /*) rest=${1#/} walked='' ;; *) rest=$1 walked=. ;; esac
  stopped="$(shown "$1") does not exist."
  while [ -n "$rest" ]; do
    part=${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
    if [ -d "${walked:-/}" ] && [ ! -x "${walked:-/}" ]; then
      stopped="user $uid may not look into the directory $(shown "$walked")."
      return
    fi
    walked=$walked/$part
    if [ ! -e "$walked" ]; then
      if [ -h "$walked" ]; then
        stopped="the symbolic link $(shown "$walked") leads nowhere."
      else
        stopped="there is no $(shown "$walked")."
      fi
      return
    fi
  done
}

# --- Why it does not start: npm run build copies this from build/causes.sh ------------------------

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

# --- End of build/causes.sh -----------------------------------------------------------------------

# --- Trying ---------------------------------------------------------------------------------------

seconds=15

try() {
  say ''
  say "  A GET request to it, with at most $seconds seconds:"
  before=$(date +%s 2>/dev/null)
  asked=page
  # The shell itself would write into the error log that a signal ended it; explain_failure says so.
  {
    output=$(request "$1" 2>&1 </dev/null)
    code=$?
  } 2>/dev/null
  after=$(date +%s 2>/dev/null)
  took=$((${after:-0} - ${before:-0}))
  # Messages for the error log may come before the line with the status.
  answer=''
  case $newline$output in
    *"${newline}Status: "*)
      answer=$newline$output
      answer=${answer#*"${newline}Status: "}
      answer=${answer%%"$newline"*}
      case $answer in *[[:cntrl:]]) answer=${answer%?} ;; esac
      ;;
  esac
  if [ -z "$answer" ]; then
    explain_failure "$1"
    return
  fi
  works=yes
  say "  It starts and answers: $(shown "$answer")"
  case $answer in
    50*)
      messages 12
      explain_refusal "$1"
      ;;
    *)
      if [ "$code" != 0 ]; then
        possible 17 CRASHED "It answered, and then ended with status $code." 'tell its authors.'
        messages 12
      fi
      look_at_limits answered
      if [ "$where" = server ]; then
        say '  It starts here under the limits of the web server. If it still does not start in the'
        say '  browser, the server has other rules for its name or directory than for this page:'
        say '  see the list below, and read the error log of the server.'
      else
        say '  It starts in this terminal. The web server may have other limits and another user:'
        say '  open doctor.cgi in the browser.'
      fi
      ;;
  esac
}

# Runs the program as the web server would, without anything that a visitor sent. Variables that an
# administrator set are passed on and not shown. A second argument is a command of the program, to
# run with the same settings.
request() {
  file=$1
  shift
  set -- "$file" "$@"
  rest=$(export -p)
  while [ -n "$rest" ]; do
    name=${rest%%"$newline"*}
    case $rest in
      *"$newline"*) rest=${rest#*"$newline"} ;;
      *) rest='' ;;
    esac
    name=${name%%=*}
    name=${name##* }
    case $name in
      *[!A-Z0-9_]*) ;;
      UPLOAD_CGI_* | REDIRECT_UPLOAD_CGI_*)
        eval "value=\${$name-}"
        # shellcheck disable=SC2154 # by eval
        set -- "$name=$value" "$@"
        ;;
    esac
  done
  if [ "$asked" = page ]; then
    set -- GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET SERVER_PROTOCOL=HTTP/1.1 QUERY_STRING= \
      SERVER_NAME=localhost SERVER_PORT=80 REMOTE_ADDR=127.0.0.1 HTTP_ACCEPT=text/html \
      "SCRIPT_NAME=/${file##*/}" "SCRIPT_FILENAME=$file" "$@"
  fi
  limited env -i "DOCUMENT_ROOT=${DOCUMENT_ROOT-}" "$@"
}

# Runs a command with a time limit: an unpatched Node hangs if it may not start one of its threads.
# It replaces the subshell that it must run in.
limited() {
  cd -- "${program%/*}/" 2>/dev/null || :
  if [ "$clock" = timeout ]; then exec timeout "$seconds" "$@"; fi
  # If it cannot even start sleep, the trap still ends the command.
  # shellcheck disable=SC2016 # of the shell inside
  sh -c 'trap "kill -14 $PPID" EXIT
    while [ "$1" -gt 0 ]; do
      sleep 1
      kill -0 "$PPID" || { trap - EXIT; exit; }
      set -- $(($1 - 1))
    done' watch "$seconds" </dev/null >/dev/null 2>&1 &
  exec "$@"
}

# Prints what the program wrote before its answer, at most as many lines as the argument says.
messages() {
  rest=$output lines=0
  while [ -n "$rest" ] && [ "$lines" -lt "$1" ]; do
    line=${rest%%"$newline"*}
    case $rest in
      *"$newline"*) rest=${rest#*"$newline"} ;;
      *) rest='' ;;
    esac
    case $line in
      'Status: '*) return ;;
      *[![:space:]]*)
        lines=$((lines + 1))
        case $line in *[[:cntrl:]]*) line=$(shown "$line") ;; esac
        printf '  | %.300s\n' "$line"
        ;;
    esac
  done
}

explain_refusal() {
  case $output in
    *EMFILE* | *'too many open files'*)
      finding 18 OPEN_FILES "Too few open files are allowed (${limit_files:-unknown})." \
        'have the limit raised to 64 or more (ulimit -n).'
      return
      ;;
    *NOT_CONFIGURED*) word=NOT_CONFIGURED ;;
    *) word=DIRECTORY_UNUSABLE ;;
  esac
  finding 14 "$word" \
    'It runs, but it cannot use its settings or the directory for uploads. Its own words follow.' \
    'do what its lines with an arrow say.'
  say ''
  asked=check
  output=$(request "$1" check 2>&1 </dev/null)
  messages 60
  if [ "$word" = NOT_CONFIGURED ]; then
    say '  This page cannot see settings that the server gives only to upload.cgi (SetEnv in'
    say '  <Files>).'
  fi
}

explain_failure() {
  say "  No answer. It ended with status $code after $took seconds."
  messages 12
  case $code in
    124 | 142 | 143)
      explain_hang
      return
      ;;
  esac
  cause_of "$output" "$code"
  case $cause in
    ADDRESS_SPACE) memory ;;
    # There may have been no memory for the stack of a thread.
    PROCESS_SLOTS) if memory_is_short; then memory; else slots; fi ;;
    NOT_EXECUTABLE)
      if [ "$enforcing" = yes ]; then selinux; else
        words_of NOT_EXECUTABLE
        possible 1 NOT_EXECUTABLE "$why" "$remedy"
      fi
      ;;
    CRASHED) explain_crash "$1" ;;
    SELINUX) selinux ;;
    LIBRARY_MISSING) library ;;
    NOEXEC_MOUNT) tell 1 NOEXEC_MOUNT ;;
    DAMAGED) tell 2 DAMAGED ;;
    LOADER_MISSING) tell 4 LOADER_MISSING ;;
    GLIBC_TOO_OLD) tell 6 GLIBC_TOO_OLD ;;
    SILENT | CPU_TOO_OLD | ENDED) tell 17 "$cause" ;;
    *) tell 18 "$cause" ;;
  esac
}

# A finding in the words of build/causes.sh, which may name a limit. Arguments: number, code word,
# commands.
tell() {
  words_of "$2"
  number=$1
  shift 2
  finding "$number" "$cause" "$why" "$remedy" "$@"
}

# The status of a crash tells nothing of its cause; the limits do.
explain_crash() {
  if memory_is_short; then
    memory
  elif [ "${limit_files:-64}" != unlimited ] && [ "${limit_files:-64}" -lt 24 ]; then
    tell 18 OPEN_FILES
  elif [ "${limit_stack:-1000000}" != unlimited ] &&
    [ "${limit_stack:-1000000}" -lt 262144 ]; then
    finding 9 STACK "Its stack may have $limit_stack bytes only." \
      'have the limit raised to 1 MB or more (ulimit -s).'
  elif [ "$code" = 133 ] && [ "$enforcing" = yes ]; then
    selinux
  elif [ -n "$grown" ]; then
    finding 2 DAMAGED "It crashed at once (status $code): its transfer added bytes to it." \
      'transfer it again, in binary mode.'
  else
    tell 17 CRASHED "compare its checksum, here and where it came from:" \
      " sha256sum $(quote "$1")"
  fi
}

explain_hang() {
  if memory_is_short; then
    memory
  else
    slots "It hung, and was ended after $seconds seconds. "
  fi
}

# The argument may be a sentence before all others.
slots() {
  processes_in_use
  words_of PROCESS_SLOTS
  sentence="${1-}$why
  Allowed: ${limit_processes:-unknown}; in use by user $uid, without this page: ${in_use:-unknown}."
  if [ "${limit_processes:-unlimited}" = unlimited ]; then
    possible 10 PROCESS_SLOTS "$sentence The limit may be that of a container (pids.max)." "$remedy"
  elif [ $((limit_processes - ${in_use:-0})) -ge 3 ]; then
    possible 10 PROCESS_SLOTS "$sentence
  One request at a time may work, since this page itself needs some of them. Two do not." "$remedy"
  else
    finding 10 PROCESS_SLOTS "$sentence" "$remedy"
  fi
}

memory() {
  words_of ADDRESS_SPACE
  finding 9 ADDRESS_SPACE "$why
  Allowed: address space ${limit_space:-unknown}, data ${limit_data:-unknown} bytes." "$remedy" \
    'in Apache, or in .htaccess where the host allows it:' ' RLimitMEM max'
}

memory_is_short() {
  { [ "${limit_space:-unlimited}" != unlimited ] && [ "$limit_space" -lt 650000000 ]; } ||
    { [ "${limit_data:-unlimited}" != unlimited ] && [ "$limit_data" -lt 40000000 ]; }
}

library() {
  lacks=$(shown "$lacks")
  tell 5 LIBRARY_MISSING \
    " apt-get install libstdc++6 libgcc-s1   # Debian, Ubuntu" \
    " dnf install libstdc++ libgcc           # RHEL and systems like it"
  # As ldd does, this lists all missing libraries at once.
  (limited env LD_TRACE_LOADED_OBJECTS=1 "$compiled") 2>/dev/null |
    sed -n 's/^[[:space:]]*\(.*not found\)/  | \1/p'
}

selinux() {
  tell 8 SELINUX " restorecon -v $(quote "$program")" ' ausearch -m AVC -ts recent'
}

# Warns of limits that are close: after a request that was answered, or for a program that was not
# run.
look_at_limits() {
  if memory_is_short; then
    possible 9 ADDRESS_SPACE "Less memory is allowed than it may need: address space ${limit_space},
  data ${limit_data} bytes; 650 MB and 40 MB are right." \
      'raise the limit: in Apache, or in .htaccess where the host allows it:' ' RLimitMEM max'
  fi
  if [ "${limit_size:-unlimited}" != unlimited ] && [ "${limit_size:-0}" -lt 1000000000 ]; then
    possible 18 FILE_SIZE \
      "No file may be larger than $limit_size bytes here: larger uploads are refused (507)." \
      'have the limit raised (ulimit -f).'
  fi
  if [ "${limit_files:-64}" != unlimited ] && [ "${limit_files:-64}" -lt 32 ]; then
    possible 18 OPEN_FILES "Only $limit_files open files are allowed." \
      'have the limit raised to 64 or more (ulimit -n).'
  fi
  if [ "${limit_cpu:-unlimited}" != unlimited ] && [ "${limit_cpu:-60}" -lt 60 ]; then
    possible 18 CPU_TIME \
      "Only $limit_cpu seconds of processor time are allowed; a large upload may need more." \
      'have it raised (Apache: RLimitCPU; ulimit -t).'
  fi
  if [ "${limit_processes:-unlimited}" = unlimited ]; then return; fi
  processes_in_use
  if [ -n "$in_use" ] && [ $((limit_processes - in_use)) -lt 6 ]; then
    words_of PROCESS_SLOTS
    possible 10 PROCESS_SLOTS \
      "User $uid may have $limit_processes processes and has $in_use; two requests need 6." \
      "$remedy"
  fi
}

# Sets in_use. Threads count. The shell alone does it, so it is the only process of this page then.
processes_in_use() {
  in_use=''
  if [ ! -r /proc/self/limits ]; then return; fi
  for status in /proc/[0-9]*/status; do
    while read -r word one _; do
      case $word in
        Uid:) if [ "$one" != "$uid" ]; then break; fi ;;
        Threads:)
          in_use=$((in_use + one))
          break
          ;;
      esac
    done <"$status"
  done 2>/dev/null
  in_use=$((in_use - 1))
}

# The shell alone reads the limits, since it may not be able to start anything.
read_limits() {
  limit_space='' limit_data='' limit_stack='' limit_processes=''
  limit_files='' limit_size='' limit_cpu=''
  enforcing=no in_use='' compiled=''
  if [ -r /proc/self/limits ]; then
    while read -r _ first second third fourth _; do
      case "$first $second" in
        'address space') limit_space=$third ;;
        'data size') limit_data=$third ;;
        'stack size') limit_stack=$third ;;
        'open files') limit_files=$third ;;
        'file size') limit_size=$third ;;
        'cpu time') limit_cpu=$third ;;
        "processes $second") limit_processes=$second ;;
      esac
      : "$fourth"
    done </proc/self/limits
  fi
  uid=''
  if [ -r /proc/self/status ]; then
    while read -r word first _; do
      if [ "$word" = Uid: ]; then
        uid=$first
        break
      fi
    done </proc/self/status
  fi
  if [ -r /sys/fs/selinux/enforce ]; then
    read -r enforce </sys/fs/selinux/enforce
    if [ "$enforce" = 1 ]; then enforcing=yes; fi
  fi
}

# --- The eighteen ---------------------------------------------------------------------------------

table_of_causes() {
  say ''
  say 'The causes of an error 500 and similar errors, and what is known of each here:'
  seen='not seen: nothing was run'
  if [ -n "$works" ]; then seen='no: it answered a request'; fi
  server="$seen"
  if [ "$where" = server ]; then
    server='no: the server runs this page, which is in the same directory'
  fi
  cause 1 NOT_EXECUTABLE "$seen" 'Permission denied: exec of ... failed'
  cause 2 DAMAGED "$seen" 'Exec format error, or a signal'
  cause 3 WRONG_MACHINE "$seen" 'Exec format error'
  cause 4 LOADER_MISSING "$seen" \
    'No such file or directory: exec of ... failed (also: first line of a script)'
  cause 5 LIBRARY_MISSING "$seen" 'error while loading shared libraries'
  cause 6 GLIBC_TOO_OLD "$seen" "version \`GLIBC_2.28' not found"
  cause 7 SUEXEC_REFUSES 'nothing wrong seen in owner and mode' \
    'suexec policy violation: see suexec log; End of script output before headers'
  cause 8 SELINUX "$seen" 'AVC denied; Check failed: 12 == (*__errno_location ())'
  cause 9 ADDRESS_SPACE "$seen" 'Fatal process out of memory; signal 5 or 6'
  cause 10 PROCESS_SLOTS "$seen" \
    'Timeout waiting for output; DelayedTaskScheduler::Start; Resource temporarily unavailable'
  apart='cannot be seen from inside'
  if [ "$where" != server ]; then server=$apart; fi
  cause 11 NO_EXECCGI "$server" \
    'Options ExecCGI is off in this directory; 403, or the browser downloads the file' \
    'Options +ExecCGI for its <Directory> (.htaccess: only where AllowOverride has Options)'
  cause 12 HTACCESS_REFUSED "$server" '.htaccess: Options not allowed here' \
    'AllowOverride for that directory, or remove the line from .htaccess'
  cause 13 NO_HANDLER "$server" \
    'the file is shown, or POST gives 405: no cgi-script handler, mod_cgid not loaded' \
    'on Debian a2enmod cgid && systemctl restart apache2; AddHandler cgi-script .cgi'
  cause 14 DIRECTORY_UNUSABLE "${works:+no: it would answer 503}" \
    'upload.cgi: DIRECTORY_UNUSABLE or NOT_CONFIGURED' 'upload.cgi check'
  cause 15 BODY_LIMIT "$apart" \
    '413: larger than the configured limit; ModSecurity: Request body; 500: exceeds MaxRequestLen' \
    'LimitRequestBody 0; SecRequestBodyLimit; FcgidMaxRequestLen; nginx: client_max_body_size 0'
  cause 16 TIMEOUT "$apart" \
    '408, 504: Timeout waiting for output from CGI script; reading request body' \
    'Timeout, CGIDScriptTimeout, RequestReadTimeout body=20,MinRate=500'
  cause 17 CRASHED "$seen" 'End of script output before headers; malformed header'
  cause 18 HOST_LIMITS "$apart" \
    '508 or 503 Resource Limit Is Reached: limits of the account (LVE, cgroup)' \
    'the panel of the hoster shows them: CPU, entry processes, memory'
}

# Arguments: number, code word, what is known, what the error log has, how to fix it.
cause() {
  state=${3:-not seen: nothing was run}
  case $maybe in *" $1 "*) state='MAYBE, see above' ;; esac
  case $found in *" $1 "*) state='FOUND, see above' ;; esac
  printf '%2s %-18s %s\n' "$1" "$2" "$state"
  say "                      log: $4"
  if [ $# -gt 4 ]; then say "                      fix: $5"; fi
}

# --- Facts ----------------------------------------------------------------------------------------

# What the support of a hoster asks for. It shows no value of the environment.
facts() {
  say ''
  say 'Facts for whoever helps:'
  fact time "$(date -u '+%Y-%m-%d %H:%M:%S UTC' 2>/dev/null)"
  fact user "$(id 2>/dev/null)"
  fact umask "$(umask)"
  fact directory "$here"
  system=$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null)
  fact system "$(uname -srm 2>/dev/null), $system"
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | head -n 1)
  fact libc "$libc"
  mount_of "$here/."
  fact mount "$mount_point, $mount_kind, $mount_options"
  fact SELinux "$(getenforce 2>/dev/null || echo 'not there') $(id -Z 2>/dev/null)"
  if [ -r /proc/self/attr/current ]; then
    profile=''
    IFS= read -r profile </proc/self/attr/current 2>/dev/null
    fact confined "${profile:-no}"
  fi
  lve=no
  if [ -e /proc/lve ] || [ -e /etc/cloudlinux-release ]; then
    lve='CloudLinux: the account has limits'
  fi
  fact LVE "$lve"
  # Counting many processes takes long, so they are counted only if they are limited.
  if [ "${limit_processes:-unlimited}" != unlimited ]; then processes_in_use; fi
  fact processes "${in_use:-not counted} of user $uid, without this page"
  say '  limits (soft, hard):'
  limits='cpu time\|file size\|data size\|stack size\|processes\|open files\|address space'
  # shellcheck disable=SC3045 # where there is no /proc, the shell may know
  sed -n "s/^Max \\($limits\\)/    \\1/p" /proc/self/limits 2>/dev/null ||
    (ulimit -a) 2>/dev/null | sed 's/^/    /'
  say '  owner and mode of all parents:'
  path=$here
  while :; do
    say "    $(shown "$(ls -ld -- "${path:-/}" 2>/dev/null)")"
    if [ -z "${path#/}" ]; then break; fi
    path=${path%/*}
  done
  if [ "$enforcing" = yes ]; then
    say '  labels:'
    ls -Zd -- "$here" "$here"/*.cgi 2>/dev/null
  fi
}

fact() {
  printf '  %-10s %s\n' "$1:" "$(shown "${2:-unknown}")"
}

main "$@"
