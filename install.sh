#!/bin/sh
# Installs upload.cgi: finds where this system keeps CGI programs, puts the program there, makes the
# directory for uploads, and writes a settings file if there is none. It says in four lines what it
# would do (--verbose: by which commands) and asks; it needs root only if the directories belong to
# root. A second run changes nothing that is right already. A manifest lists what was put where, so
# that --uninstall removes exactly that: never an upload, never a settings file that somebody edited.
# It runs in every POSIX sh (dash, busybox ash). The last line calls main, so half a download of
# this file does nothing.

set -eu

usage() {
  cat <<'END'
Usage: install.sh [options]

  --cgi-bin DIR      where the web server runs programs (searched for if not given)
  --upload-dir DIR   where uploads go (root: /srv/uploads, others: ~/uploads)
  --name NAME        the file name there, and the last part of the address (upload.cgi)
  --drop-in          the program itself in cgi-bin, .htupload.toml beside it (the default)
  --script           a settings script in cgi-bin, the program in PREFIX/bin: for many forms
  --prefix DIR       for the program of --script, man pages, manifests (root: /usr/local,
                     others: ~/.local)
  --from FILE        the executable to install (upload.cgi or build/upload.cgi beside this script)
  --user USER        the owner of the upload directory; for root only (www-data or apache)
  --group GROUP      its group; for root only (the main group of that user)
  --apache-conf HOW  yes: configure Apache, test and reload it, with the address /upload
                     (/NAME for other names)
                     print: only show that configuration; no: do neither (the default)
  --fastcgi          also write units of systemd, by which the program stays and answers FastCGI
  --url URL          the address of the page: the last step tries it
  --upgrade          replace the program and nothing else
  --uninstall        remove what was installed and is unchanged; uploads stay
  --purge            with --uninstall: also a settings file that was edited
  -n, --dry-run      say what would be done and change nothing
  -v, --verbose      also show every command, as a script that does the same
  -y, --yes          do not ask
  -h, --help         this text

For packagers: DESTDIR in the environment is a prefix of every path that is written.
END
}

main() {
  umask 022
  tab=$(printf '\t')
  cgi_bin='' upload_dir='' name=upload.cgi from='' user='' group='' prefix='' mode='' url=''
  apache_conf=no fastcgi=no dry_run=no verbose=no assume_yes=no task=install purge=no
  temporary='' layout=given undo=no made='' planned='' work=''
  dest=${DESTDIR:-}
  here=$(dirname "$0")
  trap 'clean_up' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  parse_options "$@"

  if [ -z "$cgi_bin" ]; then find_layout; fi
  cgi_bin=$(absolute_directory "$cgi_bin")
  if [ -z "$prefix" ]; then
    prefix=/usr/local
    if ! is_root; then prefix=${HOME:?is not set; name a place: --prefix DIR}/.local; fi
  fi
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  prefix=${prefix%/}
  target=${cgi_bin%/}/$name
  unit_name=$(printf '%s' "$name" | tr -c 'A-Za-z0-9' -)
  unit=/etc/systemd/system/$unit_name
  manifests=$prefix/share/upload.cgi/manifests
  form=$(printf '%s' "${target#/}" | sed 's/%/%25/g; s|/|%2F|g')
  # A file name has 255 bytes at most.
  if [ "$(printf '%s' "$form" | wc -c)" -gt 200 ]; then
    form=$(printf '%s' "$form" | checksum | tr ' ' -)
  fi
  manifest=$manifests/$form
  check_prefix
  choose_mode

  case $task in
    uninstall) uninstall_program ;;
    *) install_program ;;
  esac
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
      --cgi-bin | --upload-dir | --name | --from | --user | --group | --prefix | --apache-conf | \
        --url)
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
      --prefix) prefix=$2 && shift ;;
      --apache-conf) apache_conf=$2 && shift ;;
      --url) url=$2 && shift ;;
      --fastcgi) fastcgi=yes ;;
      --script) mode=script ;;
      --drop-in) mode=drop-in ;;
      --upgrade) task=upgrade ;;
      --uninstall) task=uninstall ;;
      --purge) purge=yes ;;
      -n | --dry-run) dry_run=yes ;;
      -v | --verbose) verbose=yes ;;
      -y | --yes) assume_yes=yes ;;
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
  case $apache_conf in
    yes | no | print) ;;
    *) usage_error "--apache-conf is yes, no or print" ;;
  esac
  case $dest in
    '' | /*) ;;
    *) usage_error "DESTDIR is an absolute path, beginning with /" ;;
  esac
  if [ -n "$dest" ] && [ "$apache_conf" = yes ]; then
    usage_error "--apache-conf yes configures this machine, not DESTDIR; use --apache-conf print"
  fi
}

# A form that is installed keeps its mode; a new one gets the mode that was asked for.
choose_mode() {
  was=''
  if [ -f "$dest$manifest" ]; then
    if grep -q "^script$tab" "$dest$manifest"; then
      was=script
    elif grep -q -e "^program$tab" -e "^settings$tab" "$dest$manifest"; then
      was=drop-in
    fi
  fi
  if [ -n "$was" ] && [ -n "$mode" ] && [ "$was" != "$mode" ]; then
    die "$target is installed as --$was. To change that, uninstall it first;" \
      "its settings and uploads can stay."
  fi
  mode=${mode:-${was:-drop-in}}
  if [ "$mode" = script ]; then
    program=$prefix/bin/upload.cgi
    settings=$target
    # The kernel reads only the beginning of a script's first line, and a blank ends the name.
    cannot="--prefix: the first line of a settings script cannot name $program:"
    case $program in
      *[[:space:]]*) die "$cannot it has blanks." ;;
    esac
    if [ ${#program} -gt 120 ]; then die "$cannot it is too long."; fi
  else
    program=$target
    settings=${cgi_bin%/}/.htupload.toml
  fi
}

# --- Installing -----------------------------------------------------------------------------------

install_program() {
  find_executable
  from_sum=''
  verify_sums
  check_executable "$from"
  check_target
  choose_owner
  if [ "$fastcgi" = yes ]; then check_units; fi
  choose_upload_directory
  check_upload_directory
  check_cgi_bin
  if [ "$apache_conf" != no ]; then
    find_apache
    prepare_apache_text
    # This is found out before the new manifest is written, which has the checksum of the new text.
    conf_stays=no
    if [ -f "$conf" ] && ! apache_text | same_as "$conf" && ! conf_is_ours; then conf_stays=yes; fi
  fi

  doing=show
  todo=0
  summarize
  restart_units=no
  if has_units && [ -f "$program" ] && [ "$(checksum <"$program")" != "$from_sum" ]; then
    restart_units=yes
  fi
  all_steps
  if [ "$todo" = 0 ]; then
    note "everything is in place already; there is nothing to do"
  elif [ "$dry_run" = yes ]; then
    say_unchanged
  else
    ask "Do this?"
    doing=run
    planned=$entries
    if [ ! -f "$dest$manifest" ]; then undo=yes; fi
    all_steps
  fi
  if [ "$apache_conf" = print ]; then
    note "a configuration for Apache; its place is $conf"
    apache_text
  fi
  if [ "$dry_run" = yes ] || [ -n "$dest" ]; then return; fi
  report_request
  report_url
  say_what_next
}

# Four lines: what goes where.
summarize() {
  from_sum=${from_sum:-$(checksum <"$from")}
  note "program:  $program ($(is_new "$program" 'the new program in place of the old one'))"
  if [ "$task" = upgrade ]; then
    note 'settings, uploads and Apache stay as they are'
    return
  fi
  if [ "$leave_uploads" = no ]; then
    note "uploads:  $upload_dir ($(is_new "$upload_dir" 'is there'))"
  else
    note 'uploads:  where the settings say'
  fi
  note "settings: $settings ($(is_new "$settings" 'stays as it is'))"
  case $apache_conf in
    yes) note "Apache:   $conf, tested and reloaded" ;;
    *) note 'Apache:   is not changed (--apache-conf yes)' ;;
  esac
  if [ "$fastcgi" = yes ]; then note "FastCGI:  $unit.socket and $unit@.service"; fi
}

# Arguments: path, what to say if it is there already and will not be the same.
is_new() {
  if [ ! -e "$dest$1" ]; then
    printf new
  elif [ "$1" = "$program" ] && [ "$(checksum <"$dest$1")" = "$from_sum" ]; then
    printf 'stays as it is'
  else
    printf '%s' "$2"
  fi
}

say_unchanged() {
  note 'nothing was changed (--dry-run)'
  if [ "$verbose" = no ] && [ "$todo" != 0 ]; then
    note "with --verbose: the $todo commands that it takes"
  fi
}

# This runs twice: once to show each command, once to run it. In the second pass the manifest comes
# first, so that --uninstall works after an interruption. The program comes next, because it may
# turn out not to work here: then the manifest is removed again, and nothing is left.
all_steps() {
  made=''
  # Directories that earlier runs made, for this form or for others, are still ours.
  entries=$(cat "$dest$manifests"/* 2>/dev/null | grep "^directory$tab" || :)
  if [ "$doing" = run ]; then step_manifest; fi
  step_leftovers
  if [ "$task" = upgrade ]; then
    step_program
    step_man_pages
    keep_entries settings script conf unit
  else
    if [ ! -d "$dest$cgi_bin" ]; then make_directory "$cgi_bin" 0755; fi
    step_program
    step_man_pages
    step_upload_directory
    step_settings
    if [ "$apache_conf" = yes ]; then entry_of_apache; else keep_entries conf; fi
    if [ "$fastcgi" = yes ]; then step_units; else keep_entries unit; fi
  fi
  if [ "$doing" = show ]; then
    planned=''
    step_manifest
  fi
  if [ "$restart_units" = yes ]; then
    explain 'the processes that run have the old program'
    step systemctl try-restart "$unit_name@*.service" || note 'systemctl failed'
  fi
  if [ "$task" = upgrade ]; then return; fi
  step_selinux
  if [ "$apache_conf" = yes ]; then step_apache; fi
}

# Removes what an earlier run left when it was killed: our files, under a name that only we use.
step_leftovers() {
  man=$prefix/share/man
  for folder in "$cgi_bin" "$prefix/bin" "$man/man8" "$man/man5" "$manifests"; do
    for left in "$dest$folder"/.htupload.new.*; do
      # The number at its end is the process id of its run, which may still be running.
      if [ -f "$left" ] && ! kill -0 "${left##*.}" 2>/dev/null; then
        explain 'an interrupted run left this file'
        step rm -f "$left"
      fi
    done
  done
}

step_program() {
  if [ "$mode" = script ]; then
    make_directory "$prefix/bin" 0755
    kind=shared
  else
    kind=program
  fi
  reason="the program"
  if [ -f "$dest$program" ]; then reason="the new program in place of the old one"; fi
  put_file "$from" "$program" 0755 "$kind" '' "$reason"
  undo=no
}

step_man_pages() {
  for page in upload.cgi.8 upload-cgi.toml.5; do
    if [ ! -f "$here/$page" ]; then continue; fi
    folder=$prefix/share/man/man${page##*.}
    make_directory "$folder" 0755
    put_file "$here/$page" "$folder/$page" 0644 shared '' "a man page"
  done
}

step_upload_directory() {
  if [ "$leave_uploads" = yes ] || [ -d "$dest$upload_dir" ]; then return; fi
  explain "the directory for uploads, which others cannot read"
  make_directory "$(dirname "$upload_dir")" 0755
  step mkdir -m 0750 "$dest$upload_dir"
  if [ -n "$user" ]; then step chown -h "$user:$group" "$dest$upload_dir"; fi
}

step_settings() {
  if [ -e "$dest$settings" ] || [ -h "$dest$settings" ]; then
    keep_entries settings script
    return
  fi
  reason="the settings: edit them as you like, no later run changes them"
  if [ "$mode" = script ]; then
    put_text script_text "$settings" 0755 script '' "$reason"
  elif [ -n "$user" ]; then
    put_text settings_text "$settings" 0640 settings "root:$group" "$reason"
  else
    put_text settings_text "$settings" 0644 settings '' "$reason"
  fi
}

step_manifest() {
  make_directory "$manifests" 0755
  put_text manifest_text "$manifest" 0644 '' '' "the manifest: what was put where, for uninstalling"
}

manifest_text() {
  printf '%s\n' "${planned:-$entries}" | sed '/^$/d' | LC_ALL=C sort -u
}

script_text() {
  printf '#!%s\n' "$program"
  settings_text
}

settings_text() {
  printf '# Settings of %s; upload.cgi init prints all settings\n' "$name"
  printf 'directory = "%s"\n' "$(printf '%s\n' "$upload_dir" | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

# --- Putting things in their place ----------------------------------------------------------------

# Copies to another name and then renames: requests that run keep the old program, and no request
# ever starts half of the new one.
# Arguments: source, path, mode, kind in the manifest, owner ('' for the user of this run), reason.
put_file() {
  # The program is large and its checksum is needed often, so it is calculated once.
  if [ "$1" != "$from" ]; then
    source_sum=$(checksum <"$1")
  else
    from_sum=${from_sum:-$(checksum <"$from")}
    source_sum=$from_sum
  fi
  # Nobody edits shared files, so they are listed without a checksum: an upgrade through one form
  # must not make the manifests of the others wrong.
  if [ "$4" = shared ]; then add_entry shared - "$2"; else add_entry "$4" "$source_sum" "$2"; fi
  if [ -f "$dest$2" ] && [ "$(checksum <"$dest$2")" = "$source_sum" ]; then
    right_mode "$2" "$3"
    return
  fi
  explain "$6"
  new=$(dirname "$dest$2")/.htupload.new.$$
  if [ "$doing" = run ]; then temporary=$new; fi
  step cp "$1" "$new"
  settle "$new" "$3" "$5" "$2" "$4"
}

# The same for what a function prints. With the kind '' nothing is added to the manifest.
put_text() {
  if [ -n "$4" ]; then add_entry "$4" "$("$1" | checksum)" "$2"; fi
  if "$1" | same_as "$2"; then
    right_mode "$2" "$3"
    return
  fi
  explain "$6"
  new=$(dirname "$dest$2")/.htupload.new.$$
  if [ "$doing" = show ]; then
    todo=$((todo + 1))
    if [ "$verbose" = yes ]; then
      say "cat >$(quote "$new") <<'END'"
      "$1"
      say END
    fi
  else
    temporary=$new
    "$1" >"$new"
  fi
  settle "$new" "$3" "$5" "$2" "$4"
}

# Arguments: temporary file, mode, owner, path, kind.
settle() {
  if [ -n "$3" ]; then step chown -h "$3" "$1"; fi
  step chmod "$2" "$1"
  # The program is tried once more in the directory where it will run: that file system may forbid
  # programs.
  if [ "$doing" = run ] && [ -z "$dest" ]; then
    case $5$2 in program0755 | shared0755) check_executable "$1" ;; esac
  fi
  step mv -f "$1" "$dest$4"
  temporary=''
}

# Is standard input the same as the file at that path?
same_as() {
  [ -f "$dest$1" ] && [ "$(checksum)" = "$(checksum <"$dest$1")" ]
}

right_mode() {
  if [ -n "$(find "$dest$1" -prune -perm "$2")" ]; then return; fi
  explain "$1 exists, but with other permissions than it needs"
  step chmod "$2" "$dest$1"
}

# Makes a directory and its missing parents, and adds each to the manifest. It does not use
# mkdir -p, which would take what somebody else put there in the meantime. Arguments: path, mode.
make_directory() {
  if [ -d "$dest$1" ]; then return; fi
  case $(dirname "$1") in
    "$1") ;;
    *) make_directory "$(dirname "$1")" 0755 ;;
  esac
  # The first pass makes no directory, so this prevents that it shows one twice.
  case "$made
" in *"
$1
"*) return ;; esac
  made="$made
$1"
  add_entry directory - "$1"
  step mkdir -m "$2" "$dest$1"
}

# Arguments: kind, checksum, path.
add_entry() {
  entries="$entries
$1$tab$2$tab$3"
}

# Keeps the entries of these kinds from the old manifest: this run does not change those files.
keep_entries() {
  for kept in "$@"; do
    entries="$entries
$(grep "^$kept$tab" "$dest$manifest" 2>/dev/null || :)"
  done
}

# --- Looking at what is there ---------------------------------------------------------------------

# Prints the upload directory that the settings name, or nothing: the settings may be written in a
# way that only the program understands.
directory_in_settings() {
  if [ ! -f "$dest$settings" ] || [ ! -r "$dest$settings" ]; then return; fi
  found=$(sed -n "s/^directory *= *'\([^']*\)'.*/\1/p
    /^directory *= *\"\(.*\)\" *\$/{
      s//\1/
      s/\\\\\([\"\\\\]\)/\1/g
      p
    }" "$dest$settings" | head -n 1)
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

# Compares the files of the archive with the checksums that came with it.
verify_sums() {
  if [ "$(dirname "$from")" != "$here" ] || [ ! -f "$here/SHA256SUMS" ]; then return; fi
  for part in "$(basename "$from")" upload.cgi.8 upload-cgi.toml.5 apache-example.conf; do
    if [ ! -f "$here/$part" ]; then continue; fi
    wanted=$(sed -n "s/ [ *]$part\$//p" "$here/SHA256SUMS")
    found=$(sha256 <"$here/$part")
    if [ -z "$found" ] || [ -z "$wanted" ]; then
      note "the checksum of $part was not compared: no tool for it, or no line in SHA256SUMS"
    elif [ "$wanted" != "$found" ]; then
      die "$here/$part is not what SHA256SUMS says: it was damaged on its way here, or changed." \
        'Nothing was installed. Download the archive again.'
    fi
  done
}

# A file of that name that this script did not install belongs to somebody else, and stays.
check_target() {
  if [ "$task" = upgrade ] && [ -z "$was" ] &&
    ! { [ -f "$dest$target" ] && is_elf "$dest$target"; }; then
    die "there is no upload.cgi at $target to upgrade. To install it, leave --upgrade out."
  fi
  if [ -d "$dest$target" ]; then die "$target is a directory. Choose another --name."; fi
  if [ -h "$dest$target" ]; then
    die "$target is a symbolic link that somebody else made." \
      "Move it away, or choose another --name."
  fi
  if [ ! -e "$dest$target" ] || [ -n "$was" ] || same_as "$target" <"$from"; then return; fi
  if [ "$mode" = script ]; then
    if [ "$(head -n 1 "$dest$target")" = "#!$program" ]; then return; fi
    die "$target exists and is not a settings script for $program." \
      "Move it away, or choose another --name."
  fi
  if is_elf "$dest$target"; then return; fi
  die "$target exists and is not a compiled program, so it is not an upload.cgi to replace." \
    "Move it away, or choose another --name."
}

# suexec refuses programs that others may change.
check_cgi_bin() {
  check_trust "$cgi_bin"
  if is_root && [ -z "$dest" ] && [ -n "$(find "$cgi_bin" -prune -perm -0002 2>/dev/null)" ]; then
    refuse_place "$cgi_bin"
  fi
  if [ -n "$(find "$dest$cgi_bin" -prune \( -perm -0002 -o -perm -0020 \) 2>/dev/null)" ]; then
    note "not only its owner may write to $cgi_bin; suexec refuses to run programs there:"
    note "  chmod go-w $(quote "$cgi_bin")"
  fi
}

# Whoever may write the manifests says what root removes.
check_prefix() {
  for folder in "$prefix/bin" "$prefix/share/man/man8" "$prefix/share/man/man5" "$manifests"; do
    check_trust "$folder"
  done
}

# Uploads that lie with somebody else stay as they are: root makes and changes nothing there.
check_upload_directory() {
  leave_uploads=no
  if [ "$task" = upgrade ] || ! is_root || [ -n "$dest" ]; then return; fi
  # From here on the path has no symbolic link that somebody could exchange.
  upload_dir=$(real_path "$upload_dir")
  case $upload_dir/ in
    */../*) die "--upload-dir: a directory before .. does not exist: $upload_dir" ;;
  esac
  if [ -h "$upload_dir" ]; then
    die "--upload-dir: $upload_dir is a symbolic link that leads nowhere."
  fi
  place=$(untrusted_place "$(dirname "$upload_dir")")
  if [ -z "$place" ]; then return; fi
  if [ ! -d "$upload_dir" ]; then refuse_place "$place"; fi
  leave_uploads=yes
  note "$upload_dir stays as it is: others than root may change $place"
}

# Somebody who may put links there could make root write anywhere.
check_trust() {
  if ! is_root || [ -n "$dest" ]; then return; fi
  place=$(untrusted_place "$(real_path "$1")")
  if [ -n "$place" ]; then refuse_place "$place"; fi
}

refuse_place() {
  die "$1 belongs to somebody else, or others may write to it:" \
    "root does not write below it." \
    "Run this as the account that owns it: su - ACCOUNT"
}

# Prints the path without symbolic links; the end of it may not exist yet.
real_path() {
  existing=$1 rest=''
  while [ ! -d "$existing" ] && [ "$existing" != / ]; do
    rest=/$(basename "$existing")$rest
    existing=$(dirname "$existing")
  done
  existing=$(CDPATH='' cd "$existing" && pwd -P)
  rest=${existing%/}$rest
  printf '%s\n' "${rest:-/}"
}

# Prints the first directory on the way up from this one in which somebody else than root could
# exchange what root makes, or nothing. In a sticky directory, such as /tmp, nobody can.
untrusted_place() {
  place=$1
  # On Debian the group staff may write to /usr/local, and its members count as root.
  trusted=0
  if grep -q '^staff:[^:]*:50:' /etc/group 2>/dev/null; then trusted=50; fi
  while :; do
    if [ -d "$place" ] && [ -z "$(find "$place" -prune -user 0 \( -perm -1000 -o ! -perm -0002 \
      \( ! -perm -0020 -o -group 0 -o -group "$trusted" \) \) 2>/dev/null)" ]; then
      printf '%s\n' "$place"
      return
    fi
    if [ "$place" = / ]; then return; fi
    place=$(dirname "$place")
  done
}

# For root: the web server runs programs as this user, who must be able to write uploads.
choose_owner() {
  if ! is_root; then
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
    note 'there is no user www-data and no user apache: without --user, the upload directory'
    note 'belongs to root, and the web server cannot write to it'
    return
  fi
  if [ -z "$group" ]; then group=$(id -gn "$user"); fi
}

choose_upload_directory() {
  named=$(directory_in_settings)
  if [ -n "$named" ]; then
    if [ -n "$upload_dir" ] && [ "${upload_dir%/}" != "$named" ]; then
      note "uploads go to $named, as $settings says; edit that file to change it"
    fi
    upload_dir=$named
  elif [ -z "$upload_dir" ]; then
    if is_root; then
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
      die "--upload-dir: $upload_dir is in cgi-bin, where files are run. Choose another one."
      ;;
    */public_html/* | */private_html/* | */htdocs/* | */httpdocs/* | /var/www/html/*)
      note "$upload_dir looks like a part of the site, which everyone can read: upload.cgi refuses"
      note 'to use such a directory; --upload-dir chooses another one'
      ;;
  esac
  if [ -e "$dest$upload_dir" ] && [ ! -d "$dest$upload_dir" ]; then
    die "--upload-dir: $upload_dir exists and is not a directory."
  fi
}

# Makes a request as the web server would, as the web server's user if this system can do that.
report_request() {
  set -- env -i GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET SERVER_PROTOCOL=HTTP/1.1 \
    SERVER_NAME=localhost SERVER_PORT=80 REMOTE_ADDR=127.0.0.1 QUERY_STRING= \
    "REQUEST_URI=/cgi-bin/$name" "SCRIPT_NAME=/cgi-bin/$name" "SCRIPT_FILENAME=$target" "$target"
  who=$(id -un)
  if [ -n "$user" ] && is_root; then
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
  say "A request made as user $who did not get the page. The answer was: ${answer:-none}"
  printf '%s\n' "$reply" | head -n 20 | sed 's/^/  | /'
  die "upload.cgi is installed, but it does not work yet. \`$target check\` says what is wrong."
}

# The program itself sends a request to the page through the real web server, as a visitor would.
report_url() {
  if [ -z "$url" ]; then return; fi
  say ''
  say "Trying $url:"
  if "$program" check --url "$url" --pause 0; then return; fi
  die "upload.cgi is installed, but $url does not work yet; the lines above say why."
}

say_what_next() {
  say ''
  say 'What next:'
  if [ "$apache_conf" = no ] && [ -d /etc/apache2/mods-available ] && lacks_cgi_module; then
    say '- Apache does not run programs yet: run this again with --apache-conf yes, or'
    say '    a2enmod cgid && systemctl restart apache2'
  fi
  if ! is_root; then
    say "- The web server must run programs as $(id -un), as most shared hosts do (suexec)."
    say '  If yours does not, it cannot write to your directory: let root run this script.'
  fi
  if [ "$apache_conf" = yes ]; then
    say "- Open http://YOUR-SITE$address and send a file; it arrives in $upload_dir"
  else
    say "- Open http://YOUR-SITE/cgi-bin/$name and send a file; it arrives in $upload_dir"
  fi
  if [ "$fastcgi" = yes ] || has_units; then
    say '- Start the processes of FastCGI; docs/servers.md says what the web server needs:'
    say "    systemctl enable --now $unit_name.socket $unit_name@1.service $unit_name@2.service"
  elif is_root && has_systemd; then
    say '- For more than 30 requests a second, run this again with --fastcgi'
  fi
  say "- Sizes, names and all other settings are in $settings"
  if [ "$mode" = script ]; then
    say "- For another form, run this again with another --name and --upload-dir"
  fi
  say "- To find out what is wrong, if anything: $(quote "$target") check"
  if [ "$apache_conf" = no ]; then
    say '- For another address, passwords or the limits of Apache, see apache-example.conf'
  fi
}

# --- Apache and SELinux ---------------------------------------------------------------------------

find_apache() {
  part=upload-cgi address=/upload
  if [ "$name" != upload.cgi ]; then part=upload-cgi-${name%.cgi} address=/${name%.cgi}; fi
  case $part in
    *[!A-Za-z0-9._-]*) die "--apache-conf: --name has characters that no address should have." ;;
  esac
  service=apache2
  if [ -d /etc/apache2/conf-available ]; then
    conf=/etc/apache2/conf-available/$part.conf pid_file=/var/run/apache2/apache2.pid
  elif [ -d /etc/apache2/conf.d ]; then
    conf=/etc/apache2/conf.d/$part.conf pid_file=/var/run/apache2/httpd.pid
  elif [ -d /etc/httpd/conf.d ]; then
    conf=/etc/httpd/conf.d/$part.conf pid_file=/run/httpd/httpd.pid service=httpd
  else
    die '--apache-conf: there is no /etc/apache2 and no /etc/httpd, so the place of its' \
      'configuration is unknown.'
  fi
  if [ "$apache_conf" = print ]; then return; fi
  if ! is_root; then die '--apache-conf yes needs root.'; fi
  for control in apachectl apache2ctl ''; do
    if [ -n "$control" ] && command -v "$control" >/dev/null 2>&1; then break; fi
  done
  if [ -z "$control" ]; then die '--apache-conf yes: there is no apachectl.'; fi
}

# `upload.cgi apache-conf` prints this configuration. It runs before anything is installed, because
# its output is part of what this script shows first. So it reads a copy of the settings that this
# run would write, and where it was unpacked it may not be allowed to run.
prepare_apache_text() {
  # mkdir fails if somebody else has taken that name; clean_up must not remove their directory.
  if ! (umask 077 && mkdir "${TMPDIR:-/tmp}/upload.cgi.$$"); then
    die '--apache-conf needs a temporary directory (TMPDIR).'
  fi
  work=${TMPDIR:-/tmp}/upload.cgi.$$
  asked_settings=$dest$settings
  if ! [ -e "$dest$settings" ] && ! [ -h "$dest$settings" ]; then
    asked_settings=$work/settings.toml
    settings_text >"$asked_settings"
  fi
  for candidate in "$from" "$work/upload.cgi" "$dest$program"; do
    case $candidate in
      "$work"/*) cp "$from" "$candidate" && chmod 0700 "$candidate" ;;
      "$dest$program") if ! same_as "$program" <"$from"; then continue; fi ;;
    esac
    case $candidate in */*) ;; *) candidate=./$candidate ;; esac
    status=0
    apache_conf_text=$(limited env -i "UPLOAD_CGI_CONFIG=$asked_settings" "$candidate" apache-conf \
      --address "$address" --program "$target" 2>"$work/messages") || status=$?
    # 126: programs are forbidden there, or the file lacks the permission, as a download does.
    if [ "$status" != 126 ]; then break; fi
  done
  messages=$(cat "$work/messages")
  rm -rf "$work"
  work=''
  if [ "$status" = 0 ]; then return; fi
  printf '%s\n' "$messages" | sed 's/^/  | /' >&2
  die "--apache-conf: upload.cgi printed no configuration (status $status); its message is above."
}

apache_text() {
  printf '%s\n' "$apache_conf_text"
}

entry_of_apache() {
  if [ "$conf_stays" = yes ]; then
    keep_entries conf
    return
  fi
  add_entry conf "$(apache_text | checksum)" "$conf"
}

# Apache reloads only after its own test of the configuration; if that fails, ours is removed again.
step_apache() {
  if [ "$conf_stays" = yes ]; then
    if [ "$doing" = show ]; then note "$conf stays as it is: somebody edited it"; fi
    return
  fi
  if [ "$doing" = show ] && ! output=$("$control" configtest 2>&1); then
    printf '%s\n' "$output" | sed 's/^/  | /' >&2
    die 'Apache does not accept its present configuration. Fix that first; nothing was changed.'
  fi
  before=$todo
  new_module=no
  if command -v a2enmod >/dev/null 2>&1 && lacks_cgi_module; then
    explain 'Apache runs programs with the module cgid, or with cgi if it has the MPM prefork'
    new_module=yes
    step a2enmod -q cgi
  fi
  if [ "$doing" = run ]; then
    kept_conf=''
    if [ -f "$conf" ]; then kept_conf=$(cat "$conf"); fi
  fi
  put_text apache_text "$conf" 0644 '' '' "the address $address, with limits and time-outs"
  if [ "$conf" = "/etc/apache2/conf-available/$part.conf" ] &&
    [ ! -e "/etc/apache2/conf-enabled/$part.conf" ]; then
    step a2enconf -q "$part"
  fi
  if [ "$doing" = show ]; then
    if [ "$todo" = "$before" ]; then return; fi
    explain 'Apache tests its configuration, and reloads it only then'
    step "$control" configtest
    if apache_runs; then reload_apache; fi
    changed_apache=yes
    return
  fi
  if [ "${changed_apache:-no}" = no ]; then return; fi
  if ! output=$("$control" configtest 2>&1); then
    printf '%s\n' "$output" | sed 's/^/  | /' >&2
    if [ -n "$kept_conf" ]; then printf '%s\n' "$kept_conf" >"$conf"; else remove_apache_conf; fi
    if [ "$new_module" = yes ]; then a2dismod -q -f cgid cgi >/dev/null 2>&1 || :; fi
    die 'Apache does not accept its configuration with the new part, so that was taken out again.' \
      'Everything else is installed.'
  fi
  if apache_runs; then reload_apache; else note 'Apache does not run; nothing was reloaded'; fi
}

# Is the file still as an earlier run wrote it?
conf_is_ours() {
  grep -qxF "conf$tab$(checksum <"$conf")$tab$conf" "$dest$manifest" 2>/dev/null
}

lacks_cgi_module() {
  [ ! -e /etc/apache2/mods-enabled/cgid.load ] && [ ! -e /etc/apache2/mods-enabled/cgi.load ]
}

apache_runs() {
  [ -s "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null
}

# cgid starts a process of its own, so a newly enabled module needs a restart.
reload_apache() {
  if [ "${new_module:-no}" = no ]; then
    step "$control" graceful
  elif [ -d /run/systemd/system ]; then
    step systemctl restart "$service"
  else
    step "$control" stop
    if [ "$doing" = run ]; then
      for _ in 1 2 3 4 5 6 7 8 9 10; do
        if ! apache_runs; then break; fi
        sleep 1
      done
    fi
    step "$control" start
  fi
}

remove_apache_conf() {
  part=$(basename "$conf" .conf)
  if [ -h "/etc/apache2/conf-enabled/$part.conf" ]; then
    if command -v a2disconf >/dev/null 2>&1; then
      step a2disconf -q -p "$part"
    else
      step rm -f "/etc/apache2/conf-enabled/$part.conf"
    fi
  fi
  step rm -f "$conf"
}

# With SELinux the web server may write only to what has a certain label. The program is a copy, so
# it has the label of its directory already.
step_selinux() {
  if [ "$leave_uploads" = yes ] || [ -n "$dest" ]; then return; fi
  if ! command -v getenforce >/dev/null 2>&1; then return; fi
  case $(getenforce 2>/dev/null) in Enforcing | Permissive) ;; *) return ;; esac
  # shellcheck disable=SC2012 # no other tool shows labels everywhere
  case $(ls -Zd "$upload_dir" 2>/dev/null) in *_rw_content_t*) return ;; esac
  explain 'tell SELinux that the web server may write there'
  kind=httpd_sys_rw_content_t
  if is_root && command -v semanage >/dev/null 2>&1; then
    step semanage fcontext -a -t "$kind" "$upload_dir(/.*)?" || note 'semanage failed'
    step restorecon -R "$upload_dir" "$target" || note 'restorecon failed'
  else
    if ! is_root; then kind=httpd_user_rw_content_t; fi
    step chcon -R -t "$kind" "$upload_dir" || note 'chcon failed'
  fi
}

# --- FastCGI --------------------------------------------------------------------------------------

has_systemd() {
  [ -z "$dest" ] && [ -d /run/systemd/system ]
}

# Did an earlier run write them, for a systemd that runs here?
has_units() {
  has_systemd && grep -q "^unit$tab" "$manifest" 2>/dev/null
}

check_units() {
  if [ -z "$dest" ] && ! has_systemd; then die '--fastcgi writes units of systemd, which is not here.'; fi
  if ! is_root; then die '--fastcgi needs root.'; fi
  if [ -z "$user" ]; then die '--fastcgi needs --user: the processes would run as root.'; fi
}

step_units() {
  is_new_unit=no
  if [ ! -e "$dest$unit.socket" ] || [ ! -e "$dest$unit@.service" ]; then is_new_unit=yes; fi
  make_directory "$(dirname "$unit")" 0755
  put_unit socket_text "$unit.socket" 'the socket that the processes share'
  put_unit service_text "$unit@.service" 'a process of FastCGI'
  if [ "$is_new_unit" = yes ] && has_systemd; then step systemctl daemon-reload; fi
}

# Arguments: function, path, reason. A unit that is there stays: somebody may have edited it.
put_unit() {
  if [ -e "$dest$2" ]; then
    entries="$entries
$(grep "^unit$tab.*$tab$2\$" "$dest$manifest" 2>/dev/null || :)"
  else
    put_text "$1" "$2" 0644 unit '' "$3"
  fi
}

socket_text() {
  cat <<END
[Unit]
Description=Socket of upload.cgi

[Socket]
ListenStream=/run/$unit_name.socket
SocketUser=$user
SocketMode=0660
Service=$unit_name@1.service

[Install]
WantedBy=sockets.target
END
}

service_text() {
  cat <<END
[Unit]
Description=upload.cgi by FastCGI, process %i

[Service]
User=$user
ExecStart=$(exec_word "$target")
Sockets=$unit_name.socket
Restart=always
# It ends after the uploads that run, after a minute at the latest.
TimeoutStopSec=70

[Install]
WantedBy=multi-user.target
END
}

# As systemd reads a word of a command.
exec_word() {
  case $1 in
    *[!A-Za-z0-9_./-]*) printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/%/%%/g')" ;;
    *) printf '%s' "$1" ;;
  esac
}

# Nothing starts them again while their files are removed.
stop_units() {
  step systemctl disable --now "$unit_name.socket" || note 'systemctl failed'
  step systemctl disable "$unit_name@.service" || note 'systemctl failed'
  step systemctl stop "$unit_name@*.service" || note 'systemctl failed'
}

# --- Uninstalling ---------------------------------------------------------------------------------

uninstall_program() {
  stay=$(directory_in_settings)
  if [ ! -f "$dest$manifest" ]; then
    note "there is nothing of upload.cgi to remove in $cgi_bin"
    if [ -e "$dest$target" ]; then note "$target stays: this script did not put it there"; fi
    return
  fi
  doing=show
  todo=0
  note "removes what was installed for $target; uploads stay"
  uninstall_steps
  if [ "$dry_run" = yes ]; then
    say_unchanged
  else
    ask 'Do this?'
    doing=run
    uninstall_steps
    say "Removed. Uploads stay where they are${stay:+: $stay}"
  fi
}

# The manifest is removed after the files, so an interrupted run can be repeated.
uninstall_steps() {
  explain 'remove what was installed'
  changed_apache=no staying=''
  had_units=no
  if has_units; then had_units=yes; fi
  if [ "$had_units" = yes ]; then stop_units; fi
  while IFS=$tab read -r kind sum path; do
    case $kind in
      program | script | settings | unit) remove_file "$kind" "$sum" "$path" ;;
      shared)
        if ! is_shared "$path"; then remove_file "$kind" "$sum" "$path"; fi
        ;;
      conf)
        if [ -f "$dest$path" ] && [ "$(checksum <"$dest$path")" != "$sum" ]; then
          stays "$kind" "$sum" "$path"
        elif [ -f "$dest$path" ]; then
          conf=$path
          remove_apache_conf
          changed_apache=yes
        fi
        ;;
    esac
  done <<END
$(cat "$dest$manifest")
END
  directories=$(sed -n "s/^directory$tab-$tab//p" "$dest$manifest" | LC_ALL=C sort -r)
  if [ -n "$staying" ]; then
    # A later --purge finds these files by the manifest.
    entries="$staying
$(grep "^directory$tab" "$dest$manifest")" planned=''
    put_text manifest_text "$manifest" 0644 '' '' 'the manifest keeps what stays'
  else
    step rm -f "$dest$manifest"
  fi
  while IFS= read -r path; do
    if [ -n "$path" ] && [ -d "$dest$path" ]; then remove_directory "$path"; fi
  done <<END
$directories
END
  if [ "$changed_apache" = yes ]; then reload_after_removal; fi
  if [ "$had_units" = yes ]; then step systemctl daemon-reload; fi
}

# Arguments: kind, checksum, path.
remove_file() {
  if [ ! -f "$dest$3" ]; then return; fi
  if [ "$2" = - ] || [ "$(checksum <"$dest$3")" = "$2" ]; then
    step rm -f "$dest$3"
  elif [ "$purge" = yes ] && [ "$1" != program ]; then
    explain "it was edited (--purge)"
    step rm -f "$dest$3"
  else
    stays "$1" "$2" "$3"
  fi
}

stays() {
  staying="$staying
$1$tab$2$tab$3"
  if [ "$doing" = show ]; then note "$3 stays: somebody edited it"; fi
}

# Does the manifest of another form list this path?
is_shared() {
  pattern=$(printf '%s' "$1" | sed 's/[.[*^$\\]/\\&/g')
  for other in "$dest$manifests"/*; do
    if [ "$other" != "$dest$manifest" ] && grep -q "$tab$pattern\$" "$other"; then return 0; fi
  done
  return 1
}

# Removes the directory only if it is empty: others may have put something there.
remove_directory() {
  if [ "$doing" = show ]; then
    todo=$((todo + 1))
    if [ "$verbose" = yes ]; then say "rmdir $(quote "$dest$1") 2>/dev/null || :"; fi
  else
    rmdir "$dest$1" 2>/dev/null || :
  fi
}

reload_after_removal() {
  apache_conf=yes
  find_apache
  new_module=no
  step "$control" configtest
  if apache_runs; then reload_apache; fi
}

# --- Looking --------------------------------------------------------------------------------------

# Sets cgi_bin, and says why. Each system has one place for programs; a hosting panel has one for
# each account.
find_layout() {
  refused='' looked=''
  if is_root; then
    find_panel
    for entry in "/usr/lib/cgi-bin${tab}where Debian and systems like it keep CGI programs" \
      "/var/www/cgi-bin${tab}where Red Hat and systems like it keep CGI programs" \
      "/var/www/localhost/cgi-bin${tab}where Alpine keeps CGI programs" \
      "/srv/www/cgi-bin${tab}where SUSE keeps CGI programs"; do
      if takes "${entry%%"$tab"*}" "${entry#*"$tab"}"; then return; fi
    done
  else
    if [ -n "${HOME:-}" ] && find_in_home "$HOME"; then return; fi
    for entry in /usr/lib/cgi-bin /var/www/cgi-bin /var/www/localhost/cgi-bin; do
      if takes "$entry" 'where this system keeps CGI programs'; then return; fi
    done
  fi
  die "no cgi-bin directory was found among:$looked.$refused" 'Name it: --cgi-bin DIR'
}

# A hosting panel gives each account its own cgi-bin; root must say which.
find_panel() {
  for entry in "/usr/local/cpanel${tab}cPanel" "/usr/local/directadmin${tab}DirectAdmin" \
    "/usr/local/psa${tab}Plesk"; do
    if [ -d "${entry%%"$tab"*}" ]; then
      die "this server is run by ${entry#*"$tab"}; programs belong to its accounts." \
        'Run this as the account: su - ACCOUNT'
    fi
  done
}

# Searches a home directory as hosting panels and universities make them. DirectAdmin has one place
# for each domain.
find_in_home() {
  domains=''
  for folder in "$1"/domains/*/public_html; do
    if [ -d "$folder" ]; then
      domains="$domains
$folder/cgi-bin"
    fi
  done
  if [ "$(printf '%s' "$domains" | grep -c .)" -gt 1 ]; then
    die "there are several domains (DirectAdmin). Choose one: --cgi-bin DIR," \
      "among$(printf '%s' "$domains" | tr '\n' ' ')"
  fi
  if [ -n "$domains" ]; then
    takes_or_makes "${domains#?}" "where DirectAdmin keeps a domain's programs"
    return
  fi
  if [ -d "$1/httpdocs" ]; then
    if takes "$1/cgi-bin" 'where older Plesk keeps CGI programs'; then return; fi
    takes_or_makes "$1/httpdocs/cgi-bin" 'where Plesk keeps CGI programs'
    return
  fi
  for folder in public_html www htdocs; do
    if takes "$1/$folder/cgi-bin" 'where shared hosts keep CGI programs'; then return; fi
  done
  # cPanel makes no cgi-bin for a new account, but runs the programs in one.
  if [ -d "$1/public_html" ] && [ -d /usr/local/cpanel ]; then
    takes_or_makes "$1/public_html/cgi-bin" 'where cPanel runs CGI programs'
    return
  fi
  return 1
}

# Arguments: path, reason.
takes() {
  looked="$looked $1"
  if [ ! -d "$dest$1" ]; then return 1; fi
  if [ ! -w "$dest$1" ]; then
    refused="$refused $1 is there, but $(id -un) may not write to it."
    return 1
  fi
  cgi_bin=$1
  note "found $cgi_bin, $2"
}

takes_or_makes() {
  if takes "$1" "$2"; then return; fi
  if [ -d "$1" ] || [ ! -w "$(dirname "$1")" ]; then return 1; fi
  cgi_bin=$1
  layout=home
  note "$cgi_bin will be made, $2"
}

is_root() {
  [ "$(id -u)" = 0 ]
}

absolute_directory() {
  if [ ! -d "$dest$1" ]; then
    # A directory in a home, or below DESTDIR, that is made later.
    case $1 in
      /*)
        if [ -n "$dest" ] || { [ -d "$(dirname "$1")" ] && [ "$layout" != given ]; }; then
          printf '%s\n' "${1%/}"
          return
        fi
        ;;
    esac
    die "--cgi-bin: there is no directory $1."
  fi
  if [ -n "$dest" ]; then
    printf '%s\n' "${1%/}"
    return
  fi
  # The path without symbolic links: a link to the directory must lead to the same manifest.
  case $1 in
    /*) CDPATH='' cd "$1" && pwd -P ;;
    *) CDPATH='' cd "./$1" && pwd -P ;;
  esac
}

is_elf() {
  [ "$(first_bytes "$1" 4)" = '7f 45 4c 46' ]
}

first_bytes() {
  od -A n -t x1 -N "$2" "$1" | sed 's/^ *//; s/ *$//'
}

# Runs the executable once, because it cannot explain what fails before its first line of code.
check_executable() {
  if is_elf "$1"; then
    check_processor "$1"
  elif [ "$(first_bytes "$1" 2)" != '23 21' ]; then
    refuse_program "$1" DAMAGED
  fi
  if [ ! -x "$1" ]; then
    # A download lacks the permission. Its copy will have it, and is checked then.
    if [ "$1" = "$from" ]; then return; fi
    refuse_program "$1" NOT_EXECUTABLE
  fi
  case $1 in */*) tried=$1 ;; *) tried=./$1 ;; esac
  status=0
  output=$(limited "$tried" --version 2>&1 </dev/null) || status=$?
  if [ "$status" = 0 ] && [ -n "$output" ]; then return; fi
  # Programs may be forbidden in the directory where it was unpacked. Its copy is tried as well.
  if [ "$status" = 126 ] && [ "$1" = "$from" ]; then return; fi
  explain_failure "$1" "$status" "$output"
}

# A file for another processor must not be run at all: some shells would read it as a script.
check_processor() {
  # shellcheck disable=SC2046 # two numbers, the lower byte first
  set -- "$1" $(od -A n -t u1 -j 18 -N 2 "$1")
  processors_of "$(($2 + 256 * $3))"
  if [ "$machine" != "$made_for" ]; then refuse_program "$1" WRONG_MACHINE; fi
}

# Arguments: path, exit status, output.
explain_failure() {
  if [ -n "$3" ]; then printf '%s\n' "$3" | head -n 10 | sed 's/^/  | /' >&2; fi
  cause_of "$3" "$2"
  refuse_program "$1" "$cause"
}

# Arguments: path, cause.
refuse_program() {
  words_of "$2"
  die "$1 does not run on this machine.
  $why
  Remedy: $remedy
  Nothing was installed."
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

# --- Small things ---------------------------------------------------------------------------------

step() {
  if [ "$doing" = run ]; then
    "$@"
    return
  fi
  todo=$((todo + 1))
  if [ "$verbose" = no ]; then return; fi
  line=''
  for word in "$@"; do
    line="$line $(quote "$word")"
  done
  say "${line# }"
}

# Prints the reason above the commands that follow.
explain() {
  if [ "$doing" = show ] && [ "$verbose" = yes ]; then note "$1"; fi
}

# With --verbose the output before the question is itself a shell script that does the same, so
# notes are comments.
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

# Prints the SHA-256 of standard input in hexadecimal, or nothing if the system has no tool for it.
sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 -r
  fi | cut -d ' ' -f 1
}

# Runs a command for at most 30 seconds, if the system has timeout(1).
limited() {
  if command -v timeout >/dev/null 2>&1; then
    timeout 30 "$@"
  else
    "$@"
  fi
}

# Prints a checksum of standard input, of a kind that this system has, after the name of that kind.
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
  if [ -n "$work" ]; then rm -rf "$work"; fi
  # A first run that ended before the program was in place leaves nothing.
  if [ "$undo" = yes ]; then
    rm -f "$dest$manifest"
    printf '%s\n' "$made" | LC_ALL=C sort -r | while IFS= read -r path; do
      if [ -n "$path" ]; then rmdir "$dest$path" 2>/dev/null || :; fi
    done
  fi
}

main "$@"
