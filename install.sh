#!/bin/sh
# Installs upload.cgi: finds where this system keeps CGI programs, puts the program there, makes the directory
# for uploads, and writes a settings file if there is none. It shows the exact commands first and asks; it needs
# root only where the directories do. A second run changes nothing that is right already. What it put where is
# written down (the manifest), so that uninstalling removes that and nothing else: never an upload, never a
# settings file that somebody edited.
# For every POSIX sh (dash, busybox ash). All of it is functions: half a download does nothing.

set -eu

usage() {
  cat <<'END'
Usage: install.sh [options]

  --cgi-bin DIR      where the web server runs programs (looked for if not given)
  --upload-dir DIR   where uploads go (root: /srv/uploads, others: ~/uploads)
  --name NAME        the file name there, and the last part of the address (upload.cgi)
  --drop-in          the program itself in cgi-bin, .htupload.toml beside it (the default)
  --script           a settings script in cgi-bin, the program in PREFIX/bin: for many forms
  --prefix DIR       for the program of --script, man pages, manifests (root: /usr/local,
                     others: ~/.local)
  --from FILE        the executable to install (upload.cgi or build/upload.cgi beside this script)
  --user USER        who owns the upload directory; for root only (www-data or apache)
  --group GROUP      its group; for root only (the main group of that user)
  --apache-conf HOW  yes: configure Apache, test and reload it, with the address /upload
                     (/NAME for other names)
                     print: only show that configuration; no: say nothing of it (the default)
  --url URL          the address of the page: it is tried in the end
  --upgrade          replace the program and nothing else
  --uninstall        remove what was installed and is unchanged; uploads stay
  --purge            with --uninstall: also a settings file that was edited
  -n, --dry-run      show the commands and change nothing
  -y, --yes          do not ask
  -h, --help         this text

DESTDIR in the environment is put in front of every path that is written, for packagers.
END
}

main() {
  umask 022
  tab=$(printf '\t')
  cgi_bin='' upload_dir='' name=upload.cgi from='' user='' group='' prefix='' mode='' url=''
  apache_conf=no dry_run=no assume_yes=no task=install purge=no temporary='' layout=given undo=no made='' planned=''
  work=''
  dest=${DESTDIR:-}
  here=$(dirname "$0")
  trap 'clean_up' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  parse_options "$@"

  if [ -z "$cgi_bin" ]; then find_layout; fi
  cgi_bin=$(absolute_directory "$cgi_bin")
  if [ -z "$prefix" ]; then
    if is_root; then prefix=/usr/local; else prefix=${HOME:?is not set; name a place: --prefix DIR}/.local; fi
  fi
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  prefix=${prefix%/}
  target=${cgi_bin%/}/$name
  manifests=$prefix/share/upload.cgi/manifests
  form=$(printf '%s' "${target#/}" | sed 's/%/%25/g; s|/|%2F|g')
  # A file name has 255 bytes at most.
  if [ "$(printf '%s' "$form" | wc -c)" -gt 200 ]; then form=$(printf '%s' "$form" | checksum | tr ' ' -); fi
  manifest=$manifests/$form
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
      --cgi-bin | --upload-dir | --name | --from | --user | --group | --prefix | --apache-conf | --url)
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
      --script) mode=script ;;
      --drop-in) mode=drop-in ;;
      --upgrade) task=upgrade ;;
      --uninstall) task=uninstall ;;
      --purge) purge=yes ;;
      -n | --dry-run) dry_run=yes ;;
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
    *) usage_error "DESTDIR is a whole path, beginning with /" ;;
  esac
  if [ -n "$dest" ] && [ "$apache_conf" = yes ]; then
    usage_error "--apache-conf yes is for this machine, not for DESTDIR; print shows the configuration"
  fi
}

# As it was installed; a new form as it was asked for.
choose_mode() {
  was=''
  if [ -f "$dest$manifest" ]; then
    was=drop-in
    if grep -q "^script$tab" "$dest$manifest"; then was=script; fi
  fi
  if [ -n "$was" ] && [ -n "$mode" ] && [ "$was" != "$mode" ]; then
    die "$target is installed as --$was. Uninstall it first to change that; its settings and uploads can stay."
  fi
  mode=${mode:-${was:-drop-in}}
  if [ "$mode" = script ]; then
    program=$prefix/bin/upload.cgi
    settings=$target
    # The kernel cuts the first line of a script, and blanks end the name.
    case $program in
      *[[:space:]]*) die "--prefix: the first line of a settings script cannot name $program: it has blanks." ;;
    esac
    if [ ${#program} -gt 120 ]; then
      die "--prefix: the first line of a settings script cannot name $program: it is too long."
    fi
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
  choose_upload_directory
  check_cgi_bin
  if [ "$apache_conf" != no ]; then
    find_apache
    prepare_apache_text
    # Before the manifest is written anew: afterwards it has the checksum of the new text.
    conf_stays=no
    if [ -f "$conf" ] && ! apache_text | same_as "$conf" && ! conf_is_ours; then conf_stays=yes; fi
  fi

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
    planned=$entries
    if [ ! -f "$dest$manifest" ]; then undo=yes; fi
    all_steps
  fi
  if [ "$apache_conf" = print ]; then
    note "a configuration for Apache, to be put into $conf"
    apache_text
  fi
  if [ "$dry_run" = yes ] || [ -n "$dest" ]; then return; fi
  report_request
  report_url
  say_what_next
}

# Run twice: once to show each command, once to run it. When it runs, the manifest comes first, so that whoever is
# interrupted can uninstall; then the program, because it is what can turn out not to work here: then the manifest
# goes again, and nothing is left behind.
all_steps() {
  made=''
  # Directories that were made before, for this form or for others, are still ours.
  entries=$(cat "$dest$manifests"/* 2>/dev/null | grep "^directory$tab" || :)
  if [ "$doing" = run ]; then step_manifest; fi
  step_leftovers
  if [ "$task" = upgrade ]; then
    step_program
    step_man_pages
    keep_entries settings script conf
  else
    if [ ! -d "$dest$cgi_bin" ]; then make_directory "$cgi_bin" 0755; fi
    step_program
    step_man_pages
    step_upload_directory
    step_settings
    if [ "$apache_conf" = yes ]; then entry_of_apache; else keep_entries conf; fi
  fi
  if [ "$doing" = show ]; then
    planned=''
    step_manifest
  fi
  if [ "$task" = upgrade ]; then return; fi
  step_selinux
  if [ "$apache_conf" = yes ]; then step_apache; fi
}

# What an earlier run that was killed left: files of ours under a name that nobody else has.
step_leftovers() {
  for folder in "$cgi_bin" "$prefix/bin" "$prefix/share/man/man8" "$prefix/share/man/man5" "$manifests"; do
    for left in "$dest$folder"/.htupload.new.*; do
      # Its number is that of the run; one that still runs needs it.
      if [ -f "$left" ] && ! kill -0 "${left##*.}" 2>/dev/null; then
        explain 'left by a run that was interrupted'
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
  if [ -f "$dest$program" ]; then reason="the new program in place of the old one"; else reason="the program"; fi
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
  if [ -d "$dest$upload_dir" ]; then return; fi
  explain "the directory for uploads, closed to everybody else"
  parent=$(dirname "$dest$upload_dir")
  if [ ! -d "$parent" ]; then step mkdir -p "$parent"; fi
  step mkdir -m 0750 "$dest$upload_dir"
  if [ -n "$user" ]; then step chown "$user:$group" "$dest$upload_dir"; fi
}

step_settings() {
  if [ -e "$dest$settings" ] || [ -h "$dest$settings" ]; then
    keep_entries settings script
    return
  fi
  reason="the settings; they are yours to edit, and no later run will touch them"
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
  put_text manifest_text "$manifest" 0644 '' '' "what was put where, for uninstalling"
}

manifest_text() {
  printf '%s\n' "${planned:-$entries}" | sed '/^$/d' | LC_ALL=C sort -u
}

script_text() {
  printf '#!%s\n' "$program"
  settings_text
}

settings_text() {
  printf '# Settings of %s; all there are: upload.cgi init\n' "$name"
  printf 'directory = "%s"\n' "$(printf '%s\n' "$upload_dir" | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

# --- Putting things in their place ----------------------------------------------------------------

# Under another name first and then renamed: requests that are being served keep the old program,
# and none ever meets half of the new one.
# source, path, mode, kind in the manifest, owner ('' for one's own), reason
put_file() {
  # Of the program once: it is large, and asked for often.
  if [ "$1" != "$from" ]; then
    source_sum=$(checksum <"$1")
  else
    from_sum=${from_sum:-$(checksum <"$from")}
    source_sum=$from_sum
  fi
  # An upgrade through one form must not make it foreign to the others: nobody edits these.
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

# The same for what a function prints; nothing in the manifest when the kind is ''.
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
    say "cat >$(quote "$new") <<'END'"
    "$1"
    say END
  else
    temporary=$new
    "$1" >"$new"
  fi
  settle "$new" "$3" "$5" "$2" "$4"
}

# temporary file, mode, owner, path, kind
settle() {
  if [ -n "$3" ]; then step chown "$3" "$1"; fi
  step chmod "$2" "$1"
  # Once more where it will run: that file system may forbid programs.
  if [ "$doing" = run ] && [ -z "$dest" ]; then
    case $5$2 in program0755 | shared0755) check_executable "$1" ;; esac
  fi
  step mv -f "$1" "$dest$4"
  temporary=''
}

# Whether standard input is what lies there.
same_as() {
  [ -f "$dest$1" ] && [ "$(checksum)" = "$(checksum <"$dest$1")" ]
}

right_mode() {
  if [ -n "$(find "$dest$1" -prune -perm "$2")" ]; then return; fi
  explain "$1 is there, but with other rights than it needs"
  step chmod "$2" "$dest$1"
}

# With its parents, each of which is written down. path, mode
make_directory() {
  if [ -d "$dest$1" ]; then return; fi
  case $(dirname "$1") in
    "$1") ;;
    *) make_directory "$(dirname "$1")" 0755 ;;
  esac
  # Shown only once: the first pass makes none.
  case "$made
" in *"
$1
"*) return ;; esac
  made="$made
$1"
  add_entry directory - "$1"
  step mkdir -m "$2" "$dest$1"
}

# kind, checksum, path
add_entry() {
  entries="$entries
$1$tab$2$tab$3"
}

# Of the old manifest: what this run leaves as it is.
keep_entries() {
  for kept in "$@"; do
    entries="$entries
$(grep "^$kept$tab" "$dest$manifest" 2>/dev/null || :)"
  done
}

# --- Looking at what is there ---------------------------------------------------------------------

# Nothing, if it is written in a way that only the program understands.
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

# The sums that came with the archive, for all that came with it and is used.
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
        'Nothing was installed. Get the archive again.'
    fi
  done
}

# What lies under that name and was not put there by us was written by somebody, for something.
check_target() {
  if [ "$task" = upgrade ] && [ -z "$was" ] && ! { [ -f "$dest$target" ] && is_elf "$dest$target"; }; then
    die "there is no upload.cgi at $target that could be upgraded. Install it: leave --upgrade out."
  fi
  if [ -d "$dest$target" ]; then die "$target is a directory. Choose another --name."; fi
  if [ -h "$dest$target" ]; then
    die "$target is a symbolic link, which somebody made for something." \
      "Move it away, or choose another --name."
  fi
  if [ ! -e "$dest$target" ] || [ -n "$was" ] || same_as "$target" <"$from"; then return; fi
  if [ "$mode" = script ]; then
    if [ "$(head -n 1 "$dest$target")" = "#!$program" ]; then return; fi
    die "$target exists and is not a settings script for $program." \
      "Move it away, or choose another --name."
  fi
  if is_elf "$dest$target"; then return; fi
  die "$target exists and is not a compiled program, so it is not an upload.cgi to be replaced." \
    "Move it away, or choose another --name."
}

# suexec, and everybody with sense, refuses programs that others may change.
check_cgi_bin() {
  # Where somebody else may put links, root's writing could be led anywhere.
  if is_root && [ -d "$dest$cgi_bin" ] && [ -z "$dest" ]; then
    place=$cgi_bin
    while :; do
      if [ -z "$(find "$place" -prune -user 0 ! -perm -0002 2>/dev/null)" ] &&
        [ -z "$(find "$place" -prune -user 0 -perm -1000 2>/dev/null)" ]; then
        die "$place belongs to somebody else, or everybody may write to it: root does not write below it." \
          "Run this as the account that owns it: su - ACCOUNT"
      fi
      if [ "$place" = / ]; then break; fi
      place=$(dirname "$place")
    done
  fi
  if [ -n "$(find "$dest$cgi_bin" -prune \( -perm -0002 -o -perm -0020 \) 2>/dev/null)" ]; then
    note "others than its owner may write to $cgi_bin; suexec refuses to run programs there:"
    note "  chmod go-w $(quote "$cgi_bin")"
  fi
}

# For root: the user that the web server works as, so that it can write.
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
      die "--upload-dir: $upload_dir lies in cgi-bin, where files are run. Choose another one."
      ;;
    */public_html/* | */private_html/* | */htdocs/* | */httpdocs/* | /var/www/html/*)
      note "$upload_dir looks like a part of the site, open to everyone: upload.cgi refuses"
      note 'to use such a directory; --upload-dir chooses another one'
      ;;
  esac
  if [ -e "$dest$upload_dir" ] && [ ! -d "$dest$upload_dir" ]; then
    die "--upload-dir: $upload_dir exists and is not a directory."
  fi
}

# A request as the web server would make it, where possible as the user that it works as.
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
  say "A request made as user $who did not get the page but: ${answer:-no answer at all}"
  printf '%s\n' "$reply" | head -n 20 | sed 's/^/  | /'
  die "it is installed, but it does not work yet. \`$target check\` says what is wrong."
}

# The whole way, as a visitor goes it: the program itself knows how to try it.
report_url() {
  if [ -z "$url" ]; then return; fi
  say ''
  say "Trying $url:"
  if "$program" check --url "$url" --pause 0; then return; fi
  die "it is installed, but $url does not work yet; the lines above say why."
}

say_what_next() {
  say ''
  say 'What next:'
  if [ "$apache_conf" = no ] && [ -d /etc/apache2/mods-available ] &&
    [ ! -e /etc/apache2/mods-enabled/cgid.load ] && [ ! -e /etc/apache2/mods-enabled/cgi.load ]; then
    say '- Apache does not run programs yet: run this again with --apache-conf yes, or'
    say '    a2enmod cgid && systemctl restart apache2'
  fi
  if ! is_root; then
    say "- The web server must run programs as $(id -un), as most shared hosts do (suexec)."
    say '  Elsewhere it cannot write to your directory: let root run this script.'
  fi
  if [ "$apache_conf" = yes ]; then
    say "- Open http://YOUR-SITE$address and send a file; it arrives in $upload_dir"
  else
    say "- Open http://YOUR-SITE/cgi-bin/$name and send a file; it arrives in $upload_dir"
  fi
  say "- Sizes, names and all other settings: $settings"
  if [ "$mode" = script ]; then
    say "- Another form: run this again with another --name and --upload-dir"
  fi
  say "- What is in the way, if anything: $(quote "$program") check"
  if [ "$apache_conf" = no ]; then say '- Another address, passwords, limits of Apache: apache-example.conf'; fi
}

# --- Apache and SELinux ---------------------------------------------------------------------------

find_apache() {
  part=upload-cgi address=/upload
  if [ "$name" != upload.cgi ]; then part=upload-cgi-${name%.cgi} address=/${name%.cgi}; fi
  case $part in *[!A-Za-z0-9._-]*) die "--apache-conf: --name has characters that no address should have." ;; esac
  if [ -d /etc/apache2/conf-available ]; then
    conf=/etc/apache2/conf-available/$part.conf pid_file=/var/run/apache2/apache2.pid service=apache2
  elif [ -d /etc/apache2/conf.d ]; then
    conf=/etc/apache2/conf.d/$part.conf pid_file=/var/run/apache2/httpd.pid service=apache2
  elif [ -d /etc/httpd/conf.d ]; then
    conf=/etc/httpd/conf.d/$part.conf pid_file=/run/httpd/httpd.pid service=httpd
  else
    die '--apache-conf: neither /etc/apache2 nor /etc/httpd is there, so where its configuration lies is unknown.'
  fi
  if [ "$apache_conf" = print ]; then return; fi
  if ! is_root; then die '--apache-conf yes needs root.'; fi
  for control in apachectl apache2ctl ''; do
    if [ -n "$control" ] && command -v "$control" >/dev/null 2>&1; then break; fi
  done
  if [ -z "$control" ]; then die '--apache-conf yes: there is no apachectl.'; fi
}

# The program writes this configuration itself (`upload.cgi apache-conf`). It is asked before anything
# is installed, because what it prints is part of what is shown; so it gets a copy of the settings
# that this run would write, and it may have to run from a temporary copy.
prepare_apache_text() {
  # mkdir fails if somebody else took that name first, and clean_up must not remove what is theirs.
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
    # 126: this place forbids programs, or the file was downloaded and lacks the permission.
    if [ "$status" != 126 ]; then break; fi
  done
  messages=$(cat "$work/messages")
  rm -rf "$work"
  work=''
  if [ "$status" = 0 ]; then return; fi
  printf '%s\n' "$messages" | sed 's/^/  | /' >&2
  die "--apache-conf: upload.cgi did not print a configuration (status $status); its message is above."
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

# Nothing is reloaded that does not pass Apache's own test; what does not is taken back.
step_apache() {
  if [ "$conf_stays" = yes ]; then
    if [ "$doing" = show ]; then note "$conf stays as it is: somebody edited it"; fi
    return
  fi
  if [ "$doing" = show ] && ! output=$("$control" configtest 2>&1); then
    printf '%s\n' "$output" | sed 's/^/  | /' >&2
    die 'Apache does not accept its configuration as it is. Mend that first; nothing was changed.'
  fi
  before=$todo
  new_module=no
  if command -v a2enmod >/dev/null 2>&1 && [ ! -e /etc/apache2/mods-enabled/cgid.load ] &&
    [ ! -e /etc/apache2/mods-enabled/cgi.load ]; then
    explain 'Apache runs programs with the module cgid (or cgi, where processes and not threads serve)'
    new_module=yes
    step a2enmod -q cgi
  fi
  if [ "$doing" = run ]; then
    kept_conf=''
    if [ -f "$conf" ]; then kept_conf=$(cat "$conf"); fi
  fi
  put_text apache_text "$conf" 0644 '' '' "the address $address, with limits and time-outs"
  if [ "$conf" = "/etc/apache2/conf-available/$part.conf" ] && [ ! -e "/etc/apache2/conf-enabled/$part.conf" ]; then
    step a2enconf -q "$part"
  fi
  if [ "$doing" = show ]; then
    if [ "$todo" = "$before" ]; then return; fi
    explain 'Apache tests its configuration, and only then reads it anew'
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

# As it was put there.
conf_is_ours() {
  grep -qxF "conf$tab$(checksum <"$conf")$tab$conf" "$dest$manifest" 2>/dev/null
}

apache_runs() {
  [ -s "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null
}

# A module that starts a process of its own, as cgid does, needs a real start.
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

# The web server may write only where a label says so; a copied program has its directory's label already.
step_selinux() {
  if [ -n "$dest" ] || ! command -v getenforce >/dev/null 2>&1; then return; fi
  case $(getenforce 2>/dev/null) in Enforcing | Permissive) ;; *) return ;; esac
  # shellcheck disable=SC2012 # no other tool shows labels everywhere
  case $(ls -Zd "$upload_dir" 2>/dev/null) in *_rw_content_t*) return ;; esac
  explain 'SELinux is told that the web server may write there'
  if is_root && command -v semanage >/dev/null 2>&1; then
    step semanage fcontext -a -t httpd_sys_rw_content_t "$upload_dir(/.*)?" || note 'semanage failed'
    step restorecon -R "$upload_dir" "$target" || note 'restorecon failed'
  else
    kind=httpd_sys_rw_content_t
    if ! is_root; then kind=httpd_user_rw_content_t; fi
    step chcon -R -t "$kind" "$upload_dir" || note 'chcon failed'
  fi
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
  uninstall_steps
  if [ "$dry_run" = yes ]; then
    note 'nothing was changed (--dry-run)'
  else
    ask 'Do this?'
    doing=run
    uninstall_steps
    say "Removed. Uploads stay where they are${stay:+: $stay}"
  fi
}

# The manifest goes last but for directories: whoever is interrupted can run it again.
uninstall_steps() {
  explain 'remove what was installed'
  changed_apache=no staying=''
  while IFS=$tab read -r kind sum path; do
    case $kind in
      program | script | settings) remove_file "$kind" "$sum" "$path" ;;
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
    # So that --purge finds it later.
    entries="$staying
$(grep "^directory$tab" "$dest$manifest")" planned=''
    put_text manifest_text "$manifest" 0644 '' '' 'what stays is still written down'
  else
    step rm -f "$dest$manifest"
  fi
  while IFS= read -r path; do
    if [ -n "$path" ] && [ -d "$dest$path" ]; then remove_directory "$path"; fi
  done <<END
$directories
END
  if [ "$changed_apache" = yes ]; then reload_after_removal; fi
}

# kind, checksum, path
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

# Whether the manifest of another form has it.
is_shared() {
  for other in "$dest$manifests"/*; do
    if [ "$other" != "$dest$manifest" ] && grep -q "$tab$(printf '%s' "$1" | sed 's/[.[*^$\\]/\\&/g')\$" "$other"; then
      return 0
    fi
  done
  return 1
}

# Only what is empty; others may have put something there.
remove_directory() {
  if [ "$doing" = show ]; then
    todo=$((todo + 1))
    say "rmdir $(quote "$dest$1") 2>/dev/null || :"
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

# Sets cgi_bin, and says why. Each system has one place for programs; a panel has one for each account.
find_layout() {
  refused='' looked=''
  if is_root; then
    find_panel
    for entry in "/usr/lib/cgi-bin${tab}where Debian and its kin keep CGI programs" \
      "/var/www/cgi-bin${tab}where Red Hat and its kin keep CGI programs" \
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

# A panel gives each account its own; root must say which.
find_panel() {
  for entry in "/usr/local/cpanel${tab}cPanel" "/usr/local/directadmin${tab}DirectAdmin" \
    "/usr/local/psa${tab}Plesk"; do
    if [ -d "${entry%%"$tab"*}" ]; then
      die "this server is run by ${entry#*"$tab"}, where programs belong to accounts." \
        'Run this as the account: su - ACCOUNT'
    fi
  done
}

# A home as panels and universities make them. DirectAdmin: one place for each domain.
find_in_home() {
  domains=''
  for folder in "$1"/domains/*/public_html; do
    if [ -d "$folder" ]; then
      domains="$domains
$folder/cgi-bin"
    fi
  done
  if [ "$(printf '%s' "$domains" | grep -c .)" -gt 1 ]; then
    die "there are several domains (DirectAdmin). Choose one: --cgi-bin DIR, among$(printf '%s' "$domains" | tr '\n' ' ')"
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
  # cPanel makes none for a new account, but runs what lies there.
  if [ -d "$1/public_html" ] && [ -d /usr/local/cpanel ]; then
    takes_or_makes "$1/public_html/cgi-bin" 'where cPanel runs CGI programs'
    return
  fi
  return 1
}

# path, reason
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
    # Found in a home, or a packager's, and made later.
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
  # The real one: a link to it must lead to the same manifest.
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
    die "$1 does not run on this machine: its file system is mounted noexec, or a policy forbids it." \
      'Nothing was installed.'
  fi
  case $1 in */*) tried=$1 ;; *) tried=./$1 ;; esac
  status=0
  output=$(limited "$tried" --version 2>&1 </dev/null) || status=$?
  if [ "$status" = 0 ] && [ -n "$output" ]; then return; fi
  # Where it was unpacked programs may be forbidden; the copy is what counts, and is tried as well.
  if [ "$status" = 126 ] && [ "$1" = "$from" ]; then return; fi
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

# Of standard input, SHA-256 in hexadecimal; nothing where no tool is there.
sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 -r
  fi | cut -d ' ' -f 1
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
  if [ -n "$work" ]; then rm -rf "$work"; fi
  # A first run that ended before the program was in its place leaves nothing.
  if [ "$undo" = yes ]; then
    rm -f "$dest$manifest"
    printf '%s\n' "$made" | LC_ALL=C sort -r | while IFS= read -r path; do
      if [ -n "$path" ]; then rmdir "$dest$path" 2>/dev/null || :; fi
    done
  fi
}

main "$@"
