#!/bin/sh
# Puts upload.cgi into a cgi-bin directory, makes the directory for uploads, and writes a settings
# file if there is none. It shows the exact commands first and asks; it needs root only where the
# directories do. A second run changes nothing that is right already. Uninstalling removes the
# program and a settings file that nobody has edited, never an upload.
# For every POSIX sh (dash, busybox ash). All of it is functions: half a download does nothing.

set -eu

usage() {
  cat <<'END'
Usage: install.sh [options]

  --cgi-bin DIR      where the web server runs programs (looked for if not given)
  --upload-dir DIR   where uploads go (root: /srv/uploads, others: ~/uploads)
  --name NAME        the program's file name there (upload.cgi)
  --from FILE        the executable to install (build/upload.cgi or upload.cgi beside this script)
  --user USER        who owns the upload directory; for root only (www-data or apache)
  --group GROUP      its group; for root only (the main group of that user)
  -n, --dry-run      show the commands and change nothing
  -y, --yes          do not ask
  --uninstall        remove the program and an unedited settings file; uploads stay
  -h, --help         this text
END
}

main() {
  umask 022
  cgi_bin='' upload_dir='' name=upload.cgi from='' user='' group=''
  dry_run=no assume_yes=no uninstall=no temporary=''
  trap 'clean_up' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  parse_options "$@"

  if [ -z "$cgi_bin" ]; then find_cgi_bin; fi
  cgi_bin=$(absolute_directory "$cgi_bin")
  target=${cgi_bin%/}/$name
  settings=${cgi_bin%/}/.htupload.toml

  if [ "$uninstall" = yes ]; then
    uninstall_program
  else
    install_program
  fi
}

parse_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --*=*)
        option=${1%%=*} value=${1#*=}
        shift
        set -- "$option" "$value" "$@"
        ;;
    esac
    case $1 in
      --cgi-bin | --upload-dir | --name | --from | --user | --group)
        if [ $# -lt 2 ] || [ -z "$2" ]; then usage_error "$1 needs a value"; fi
        check_text "$1" "$2"
        ;;
    esac
    case $1 in
      --cgi-bin) cgi_bin=$2 && shift ;;
      --upload-dir) upload_dir=$2 && shift ;;
      --name) name=$2 && shift ;;
      --from) from=$2 && shift ;;
      --user) user=$2 && shift ;;
      --group) group=$2 && shift ;;
      -n | --dry-run) dry_run=yes ;;
      -y | --yes) assume_yes=yes ;;
      --uninstall) uninstall=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) usage_error "there is no option $1" ;;
    esac
    shift
  done
  case $name in
    */* | .* | -*) usage_error "--name is a plain file name, such as upload.cgi" ;;
  esac
}

# --- Installing -----------------------------------------------------------------------------------

install_program() {
  find_executable
  check_executable "$from"
  check_target
  choose_owner
  choose_upload_directory

  doing=show
  todo=0
  all_steps
  if [ "$todo" = 0 ]; then
    note "everything is in place already; there is nothing to do"
  elif [ "$dry_run" = yes ]; then
    note 'nothing was changed (--dry-run)'
  else
    ask "Do this?"
    doing=run
    all_steps
  fi
  if [ "$dry_run" = yes ]; then return; fi
  report_request
  say_what_next
}

# Run twice: once to show each command, once to run it. The program comes first, because it is what
# can turn out not to work here; then nothing else is left behind.
all_steps() {
  step_program
  step_upload_directory
  step_settings
}

# Under another name first and then renamed: requests that are being served keep the old program,
# and none ever meets half of the new one.
step_program() {
  if [ -f "$target" ] && cmp -s "$from" "$target"; then
    if [ -n "$(find "$target" -prune -perm 0755)" ]; then return; fi
    explain "the program is there, but with other rights than it needs"
    step chmod 0755 "$target"
    return
  fi
  if [ -f "$target" ]; then
    explain "the new program in place of the old one"
  else
    explain "the program"
  fi
  if [ "$doing" = run ]; then temporary=$cgi_bin/.htupload.new.$$; fi
  step cp "$from" "$cgi_bin/.htupload.new.$$"
  step chmod 0755 "$cgi_bin/.htupload.new.$$"
  # Once more where it will run: that file system may forbid programs.
  if [ "$doing" = run ]; then check_executable "$temporary"; fi
  step mv -f "$cgi_bin/.htupload.new.$$" "$target"
  temporary=''
}

step_upload_directory() {
  if [ -d "$upload_dir" ]; then return; fi
  explain "the directory for uploads, closed to everybody else"
  parent=$(dirname "$upload_dir")
  if [ ! -d "$parent" ]; then step mkdir -p "$parent"; fi
  step mkdir -m 0750 "$upload_dir"
  if [ -n "$user" ]; then step chown "$user:$group" "$upload_dir"; fi
}

step_settings() {
  if [ -e "$settings" ] || [ -h "$settings" ]; then return; fi
  explain "the settings; they are yours to edit, and no later run will touch them"
  if [ "$doing" = show ]; then
    todo=$((todo + 1))
    say "cat >$(quote "$settings") <<'END'"
    settings_text
    say "END"
  else
    temporary=$cgi_bin/.htupload.set.$$
    settings_text >"$temporary"
    mv -f "$temporary" "$settings"
    temporary=''
  fi
  if [ -n "$user" ]; then
    step chown "root:$group" "$settings"
    step chmod 0640 "$settings"
  else
    step chmod 0644 "$settings"
  fi
}

settings_text() {
  settings_body
  printf '# install.sh --uninstall removes this file as long as it is unedited: %s\n' \
    "$(settings_body | checksum)"
}

settings_body() {
  printf '# Settings of %s; all there are: %s --help\n' "$name" "$name"
  printf 'directory = "%s"\n' "$(printf '%s\n' "$upload_dir" | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

# Nothing, if it is written in a way that only the program understands.
directory_in_settings() {
  if [ ! -r "$settings" ]; then return; fi
  found=$(sed -n "s/^directory *= *'\([^']*\)'.*/\1/p
    /^directory *= *\"\(.*\)\" *\$/{
      s//\1/
      s/\\\\\([\"\\\\]\)/\1/g
      p
    }" "$settings" | head -n 1)
  case $found in
    '' | /*) ;;
    *) found=${cgi_bin%/}/$found ;;
  esac
  printf '%s\n' "$found"
}

find_executable() {
  if [ -z "$from" ]; then
    beside=$(dirname "$0")
    for from in "$beside/build/upload.cgi" "$beside/upload.cgi"; do
      if [ -f "$from" ]; then break; fi
    done
    if [ ! -f "$from" ]; then
      die "there is no executable at $beside/build/upload.cgi or $beside/upload.cgi." \
        "Build it (npm run build) or name it: --from FILE"
    fi
  fi
  case $from in -*) from=./$from ;; esac
  if [ ! -f "$from" ]; then die "--from: there is no file $from."; fi
  if [ ! -r "$from" ]; then die "--from: $from cannot be read."; fi
}

# What lies under that name and is not a compiled program was written by somebody, for something.
check_target() {
  if [ -d "$target" ]; then die "$target is a directory. Choose another --name."; fi
  if [ ! -e "$target" ] || is_elf "$target" || cmp -s "$from" "$target"; then return; fi
  die "$target exists and is not a compiled program, so it is not an upload.cgi to be replaced." \
    "Move it away, or choose another --name."
}

# For root: the user that the web server works as, so that it can write.
choose_owner() {
  if [ "$(id -u)" != 0 ]; then
    if [ -n "$user$group" ]; then die "--user and --group need root."; fi
    return
  fi
  if [ -z "$user" ]; then
    for user in www-data apache ''; do
      if [ -n "$user" ] && id "$user" >/dev/null 2>&1; then break; fi
    done
  elif ! id "$user" >/dev/null 2>&1; then
    die "--user: there is no user $user."
  fi
  if [ -z "$user" ]; then
    if [ -n "$group" ]; then die "--group needs --user."; fi
    note 'there is neither a user www-data nor apache: without --user, the upload directory'
    note 'belongs to root, and the web server cannot write to it'
    return
  fi
  if [ -z "$group" ]; then group=$(id -gn "$user"); fi
}

choose_upload_directory() {
  named=$(directory_in_settings)
  if [ -n "$named" ]; then
    if [ -n "$upload_dir" ] && [ "${upload_dir%/}" != "$named" ]; then
      note "uploads go to $named, as $settings says; to change that, edit it"
    fi
    upload_dir=$named
  elif [ -z "$upload_dir" ]; then
    if [ "$(id -u)" = 0 ]; then
      upload_dir=/srv/uploads
    else
      upload_dir=${HOME:?is not set; name the directory: --upload-dir DIR}/uploads
      check_text HOME "$upload_dir"
    fi
  fi
  case $upload_dir in /*) ;; *) upload_dir=$PWD/$upload_dir ;; esac
  while [ "$upload_dir" != / ] && [ "${upload_dir%/}" != "$upload_dir" ]; do
    upload_dir=${upload_dir%/}
  done
  case $upload_dir/ in
    "$cgi_bin"/*)
      die "--upload-dir: $upload_dir lies in cgi-bin, where files are run. Choose another one."
      ;;
    */public_html/* | */htdocs/* | */httpdocs/* | /var/www/html/*)
      note "$upload_dir looks like a part of the site, open to everyone: upload.cgi refuses"
      note 'to use such a directory; --upload-dir chooses another one'
      ;;
  esac
  if [ -e "$upload_dir" ] && [ ! -d "$upload_dir" ]; then
    die "--upload-dir: $upload_dir exists and is not a directory."
  fi
}

# A request as the web server would make it, where possible as the user that it works as.
report_request() {
  set -- env -i GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET SERVER_PROTOCOL=HTTP/1.1 \
    SERVER_NAME=localhost SERVER_PORT=80 REMOTE_ADDR=127.0.0.1 QUERY_STRING= \
    "REQUEST_URI=/cgi-bin/$name" "SCRIPT_NAME=/cgi-bin/$name" "SCRIPT_FILENAME=$target" "$target"
  who=$(id -un)
  if [ -n "$user" ] && [ "$(id -u)" = 0 ]; then
    uid=$(id -u "$user") gid=$(id -g "$user")
    if setpriv --reuid "$uid" --regid "$gid" --init-groups true 2>/dev/null; then
      set -- setpriv --reuid "$uid" --regid "$gid" --init-groups "$@"
      who=$user
    fi
  fi
  reply=$(cd "$cgi_bin" && limited "$@" 2>&1 </dev/null | tr -d '\000\r')
  answer=$(printf '%s\n' "$reply" | sed -n 's/^[Ss]tatus: *//p' | head -n 1)
  say ''
  case $answer in
    200*)
      say "A request made as user $who was answered: $answer"
      return
      ;;
  esac
  say "A request made as user $who did not get the page but: ${answer:-no answer at all}"
  printf '%s\n' "$reply" | head -n 20 | sed 's/^/  | /'
  die "it is installed, but it does not work yet. \`$target check\` says what is wrong."
}

say_what_next() {
  say ''
  say 'What next:'
  if [ -d /etc/apache2/mods-available ] && [ ! -e /etc/apache2/mods-enabled/cgid.load ] &&
    [ ! -e /etc/apache2/mods-enabled/cgi.load ]; then
    say '- Apache does not run programs yet: a2enmod cgid && systemctl restart apache2'
  fi
  if command -v getenforce >/dev/null 2>&1 && [ "$(getenforce 2>/dev/null)" = Enforcing ]; then
    say '- SELinux must be told that the web server may write there:'
    say "    semanage fcontext -a -t httpd_sys_rw_content_t $(quote "$upload_dir(/.*)?")"
    say "    restorecon -R $(quote "$upload_dir") $(quote "$target")"
  fi
  if [ "$(id -u)" != 0 ]; then
    say "- The web server must run programs as $(id -un), as most shared hosts do (suexec)."
    say '  Elsewhere it cannot write to your directory: let root run this script.'
  fi
  say "- Open http://YOUR-SITE/cgi-bin/$name and send a file; it arrives in $upload_dir"
  say "- Sizes, names and all other settings: $settings"
  say '- Another address, passwords, limits of Apache: apache-example.conf'
}

# --- Uninstalling ---------------------------------------------------------------------------------

uninstall_program() {
  stay=$(directory_in_settings)
  doing=show
  todo=0
  uninstall_steps
  if [ "$todo" = 0 ]; then
    note "there is nothing of upload.cgi to remove in $cgi_bin"
  elif [ "$dry_run" = yes ]; then
    note 'nothing was changed (--dry-run)'
  else
    ask 'Do this?'
    doing=run
    uninstall_steps
    say "Removed. Uploads stay where they are${stay:+: $stay}"
  fi
}

uninstall_steps() {
  if [ -f "$target" ]; then
    if is_elf "$target"; then
      explain 'remove the program'
      step rm -f "$target"
    elif [ "$doing" = show ]; then
      note "$target stays: it is not a compiled program, so this script did not install it"
    fi
  fi
  if [ ! -f "$settings" ]; then return; fi
  if settings_are_unedited; then
    explain 'remove the settings, which nobody has edited'
    step rm -f "$settings"
  elif [ "$doing" = show ]; then
    note "$settings stays: somebody edited it"
  fi
}

settings_are_unedited() {
  recorded=$(sed -n '$s/^# install\.sh --uninstall .*: //p' "$settings")
  [ -n "$recorded" ] && [ "$(sed '$d' "$settings" | checksum)" = "$recorded" ]
}

# --- Looking --------------------------------------------------------------------------------------

find_cgi_bin() {
  if [ "$(id -u)" = 0 ]; then
    candidates="/usr/lib/cgi-bin
/var/www/cgi-bin"
  else
    candidates="${HOME-}/public_html/cgi-bin
/usr/lib/cgi-bin
/var/www/cgi-bin"
  fi
  refused=''
  while IFS= read -r cgi_bin; do
    if [ ! -d "$cgi_bin" ]; then continue; fi
    if [ ! -w "$cgi_bin" ]; then
      refused="$refused $cgi_bin is there, but $(id -un) may not write to it."
      continue
    fi
    case $cgi_bin in
      /usr/lib/*) reason='where Debian and its kin keep CGI programs' ;;
      /var/www/*) reason='where Red Hat and its kin keep CGI programs' ;;
      *) reason='where shared hosts keep CGI programs' ;;
    esac
    note "found $cgi_bin, $reason"
    return
  done <<END
$candidates
END
  die "no cgi-bin directory was found among: $(printf '%s' "$candidates" | tr '\n' ' ').$refused" \
    'Name it: --cgi-bin DIR'
}

absolute_directory() {
  if [ ! -d "$1" ]; then die "--cgi-bin: there is no directory $1."; fi
  case $1 in
    /*) CDPATH='' cd "$1" && pwd ;;
    *) CDPATH='' cd "./$1" && pwd ;;
  esac
}

is_elf() {
  [ "$(first_bytes "$1" 4)" = '7f 45 4c 46' ]
}

first_bytes() {
  od -A n -t x1 -N "$2" "$1" | sed 's/^ *//; s/ *$//'
}

# Runs the executable once. What goes wrong before its first line of code, it cannot explain itself.
check_executable() {
  if is_elf "$1"; then
    check_processor "$1"
  elif [ "$(first_bytes "$1" 2)" != '23 21' ]; then
    die "$1 is not an executable: it was damaged on its way here, or it is something else." \
      'Files must be transferred in binary mode.'
  fi
  if [ ! -x "$1" ]; then
    # Not yet: a download has no such right. The copy will, and is checked then.
    if [ "$1" = "$from" ]; then return; fi
    die "$1 may not be executed."
  fi
  case $1 in */*) program=$1 ;; *) program=./$1 ;; esac
  status=0
  output=$(limited "$program" --version 2>&1 </dev/null) || status=$?
  if [ "$status" = 0 ] && [ -n "$output" ]; then return; fi
  explain_failure "$1" "$status" "$output"
}

# A file for another processor must not even be tried: some shells would read it as a script.
check_processor() {
  case $(od -A n -t x1 -j 18 -N 1 "$1" | tr -d ' ') in
    3e) made_for=x86_64 ;;
    b7) made_for=aarch64 ;;
    *) made_for=another ;;
  esac
  machine=$(uname -m)
  if [ "$machine" = arm64 ]; then machine=aarch64; fi
  if [ "$machine" != "$made_for" ]; then
    die "$1 is made for $made_for processors, and this machine is $machine." \
      'Get the file that is made for it.'
  fi
}

# path, exit status, output
explain_failure() {
  case $3 in
    *'error while loading shared libraries: '*)
      library=${3#*'error while loading shared libraries: '}
      reason="this system lacks the library ${library%%:*}. Install the package that brings it."
      ;;
    *GLIBC*'not found'*)
      reason='the C library of this system is too old.'
      reason="$reason It needs glibc 2.28: Debian 10, Ubuntu 20.04, RHEL 8 or later."
      ;;
    *'ut of memory'* | *'annot allocate memory'*)
      reason='too little memory is allowed here. It needs 650 MB of address space (ulimit -v).'
      ;;
    *) reason=$(reason_of_status "$2") ;;
  esac
  if [ -n "$3" ]; then printf '%s\n' "$3" | head -n 10 | sed 's/^/  | /' >&2; fi
  die "$1 does not run on this machine: $reason" 'Nothing was installed.'
}

reason_of_status() {
  case $1 in
    0) say 'it ran, but said nothing: it is not upload.cgi, or it is damaged.' ;;
    124 | 143)
      say 'it was not done after 30 seconds. A limit on processes may hold it up (ulimit -u).'
      ;;
    126)
      say 'this system does not let it run. Its file system may be mounted noexec, or a security' \
        'policy forbids it.'
      ;;
    127)
      say 'its loader is missing. This system has no glibc (Alpine and others have musl instead),' \
        'which the program needs.'
      ;;
    132) say 'this processor lacks an instruction that it needs.' ;;
    133)
      say 'it gave up at once. Most often too little memory is allowed (it needs 650 MB of' \
        'address space, ulimit -v), or SELinux forbids it.'
      ;;
    134 | 135 | 139)
      say 'it crashed at once. Most likely it was damaged on its way here: transfer it again, in' \
        'binary mode.'
      ;;
    137) say 'it was killed at once, most likely for lack of memory.' ;;
    *) say "it ended with status $1." ;;
  esac
}

# --- Small things ---------------------------------------------------------------------------------

step() {
  if [ "$doing" = run ]; then
    "$@"
    return
  fi
  todo=$((todo + 1))
  line=''
  for word in "$@"; do
    line="$line $(quote "$word")"
  done
  say "${line# }"
}

# A reason above the commands it stands for.
explain() {
  if [ "$doing" = show ]; then note "$1"; fi
}

# What is shown before the question is a script that does what will be done, with comments.
note() {
  printf '# %s\n' "$1"
}

quote() {
  case $1 in
    '' | *[!A-Za-z0-9_./:=@%+,-]*)
      printf "'"
      printf '%s\n' "$1" | sed "s/'/'\\\\''/g; \$s/\$/'/"
      ;;
    *) printf '%s\n' "$1" ;;
  esac
}

ask() {
  if [ "$assume_yes" = yes ]; then return; fi
  if ! (: </dev/tty) 2>/dev/null; then
    die 'there is no terminal to ask at, and nothing was changed. Say --yes to go ahead.'
  fi
  printf '%s [y/N] ' "$1" >/dev/tty
  IFS= read -r reply </dev/tty || reply=''
  case $reply in
    [Yy] | [Yy][Ee][Ss]) ;;
    *) die 'nothing was changed.' ;;
  esac
}

# At most 30 seconds, where the system can do that.
limited() {
  if command -v timeout >/dev/null 2>&1; then
    timeout 30 "$@"
  else
    "$@"
  fi
}

# Of standard input, in whatever kind this system has; the kind is part of it.
checksum() {
  if command -v sha256sum >/dev/null 2>&1; then
    printf 'sha256 %s\n' "$(sha256sum | cut -d ' ' -f 1)"
  else
    printf 'cksum %s\n' "$(cksum)"
  fi
}

check_text() {
  case $2 in
    *[[:cntrl:]]*) usage_error "$1 has a control character in its value" ;;
  esac
}

say() {
  printf '%s\n' "$*"
}

die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

usage_error() {
  printf 'install.sh: %s (see --help)\n' "$1" >&2
  exit 64
}

clean_up() {
  if [ -n "$temporary" ]; then rm -f "$temporary"; fi
}

main "$@"
