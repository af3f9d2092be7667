#!/bin/sh
# Sends files to an upload.cgi in pieces. It needs curl and the usual tools of a POSIX system.
#
#   upload.sh URL FILE…
#
# If a run breaks off, run it again: it resumes each upload where it stopped. For each stored file
# it prints the receipt: stored name, bytes, sha256, id, time. docs/resume.md has the protocol.
# PIECE=8388608 in the environment is the size of a piece in bytes; curl reads options in ~/.curlrc.
# UPLOAD_PASSPHRASE and UPLOAD_INVITE are the passphrase of the page and the token of an invitation.
# A piece whose content a firewall refuses is cut, and a name that it refuses goes elsewhere.
# Several files are one submission: the owner is told of all at once, and the receipt number is told
# on standard error.
#
# Exit status: 0 all files are stored; 75 the run broke off, run it again; 69 the server refused;
# 65 a file is stored, but its checksum differs; 64 wrong usage; 66 a file cannot be read;
# 73 there is no place to remember uploads in.

export LC_ALL=C
piece=${PIECE:-8388608} # bytes that one request sends
block=65536             # bytes that dd reads at once
hidden=$(printf 's/\302[\200-\237]/?/g;s/\330\234/?/g;s/\342\200[\216\217\250-\256]/?/g
  s/\342\201[\246-\251]/?/g')
state=${XDG_STATE_HOME:-$HOME/.local/state}/upload.cgi

# The last line of this file calls main, so half a download of it does nothing.
main() {
  # PIECE is a number of at most eleven digits.
  case $piece in *[!0-9]* | ????????????*) set -- ;; esac
  if [ $# -lt 2 ]; then stop 64 'usage: [PIECE=BYTES] upload.sh URL FILE…'; fi
  url=$1
  shift
  if ! command -v curl >/dev/null; then stop 69 'upload.sh needs curl: install it'; fi
  prepare_state
  reached='' # whether any server was there
  passed=''  # whether anything has arrived
  group=''
  submission=''
  if [ $# -gt 1 ]; then
    group=$state/s$(printf '%s\n' "$url" "${UPLOAD_INVITE-}" "$PWD" "$@" | cksum | tr ' ' -)
  fi
  for file do send_file; done
  if [ -n "$submission" ]; then close_submission; fi
  # Only now: until all files are stored, another run gets the same receipts, sends nothing twice.
  while read -r key; do rm -f "$key"; done <"$tmp.done"
}

# What a server sends and what a file is called must not command the terminal: without control
# characters, and with ? for those beyond ASCII (U+0080 to U+009F) and for those that turn the
# direction of text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069).
safe() {
  tr -d '\000-\010\013-\037\177' | sed "$hidden"
}

stop() {
  echo "$2" >&2
  exit "$1"
}

# The state directory has one small file for each unfinished upload. It holds the upload's id.
prepare_state() {
  umask 077
  mkdir -p "$state" || exit 73
  find "$state" -type f -mtime +30 -exec rm -f {} +
  tmp=$state/run.$$
  trap 'rm -f "$tmp".*' EXIT
  trap 'exit 75' HUP INT TERM
  # Other users of this machine see the arguments of curl, but not these files.
  printf %s "${UPLOAD_PASSPHRASE-}" >"$tmp.passphrase"
  printf %s "${UPLOAD_INVITE-}" >"$tmp.invite"
}

# Sets submission: the id of an earlier run that sent the same files, or a new random one.
find_submission() {
  if [ -z "$group" ] || [ -n "$submission" ]; then return; fi
  if [ ! -s "$group" ]; then random_id >"$group"; fi
  submission=$(cat "$group")
  echo "$group" >>"$tmp.done"
}

# Where nobody hears it, the server closes the submission by itself after a while.
close_submission() {
  for pause in 2 10 30; do
    code=$(request -F "_submission=$submission" -F _close=1 "$url")
    if [ "$code" = 200 ]; then
      number=$(head -n 1 "$tmp.body" | cut -s -f4 | head -c 100 | safe)
      if [ -n "$number" ]; then echo "receipt number: $number" >&2; fi
      return
    fi
    sleep $pause
  done
}

random_id() {
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

send_file() {
  shown=$(printf %s "$file" | safe)
  if [ ! -f "$file" ] || [ ! -r "$file" ]; then stop 66 "$shown: no such file"; fi
  find_submission
  find_upload
  offset='' last='' tries=0 waits=0 refused='' cuts='' cut_count=0 searched=0 named=apart
  while :; do
    exchange
    case $code in 20[12]) passed=yes ;; esac
    if [ "$code" = 201 ]; then break; fi
    decide_next
    if [ -n "$offset" ] && [ "$size" != 0 ]; then
      printf '\r%s: %d %% stored' "$shown" $((offset * 100 / size)) >&2
    fi
  done
  printf '\r%s: 100 %% stored\n' "$shown" >&2
  safe <"$tmp.body"
  compare_checksum
  echo "$key" >>"$tmp.done"
}

# Sets size, name, and id: the id of an earlier run that sent the same file to the same address, or
# a new random one. The name is encoded as in a URL, byte by byte, unless it needs none of that.
find_upload() {
  about=$(ls -dinL -- "$file")
  read -r _ _ _ _ _ size _ <<END
$about
END
  # ls shows times by the minute. A file that changed within that minute usually has another
  # beginning or another end.
  key=$state/$({ printf '%s %s' "$url" "$about"; print_ends; } | cksum | tr ' ' -)
  if [ ! -s "$key" ]; then random_id >"$key"; fi
  id=$(cat "$key")
  name=${file##*/}
  case $name in
    *[!A-Za-z0-9._-]*) name=$(printf %s "$name" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g') ;;
  esac
}

# The first two blocks of the file and the last two.
print_ends() {
  for skip in 0 $((size > block ? size / block - 1 : 0)); do
    dd if="$file" bs=$block skip=$skip count=2 2>/dev/null
  done
}

# One request: without an offset it asks for the status of the upload, else it sends the piece that
# begins there. Sets code, the HTTP status (000: no reply), and told, the offset in the reply. Only
# digits become an offset: some shells run commands that they find in a number.
exchange() {
  : >"$tmp.head"
  : >"$tmp.body"
  if [ -z "$offset" ]; then
    # Not in the address, which servers write into their logs.
    code=$(request -H "X-Upload-Id: $id" "$url")
    # No such address, nobody there, or no TLS with whoever is.
    case $? in [1-7] | 35 | 51 | 58 | 60 | 77) ;; *) reached=yes ;; esac
  else
    find_end
    # 201 and yet a failure: the connection broke within the receipt.
    if ! code=$(send_piece) && [ "$code" = 201 ]; then code=000; fi
  fi
  told=$(header '[Uu]pload-[Oo]ffset')
}

# Prints the number in a header of the last reply, or nothing.
header() {
  tr -d '\r' <"$tmp.head" | sed -n "s/^$1: *0*\([0-9]\{1,15\}\) *\$/\1/p" | sed -n '$p'
}

send_piece() {
  case $named in
    apart) set -- -F "_filename=$name" -F 'file=@-;filename=file' ;;
    *) set -- -F "file=@-;filename=\"${file##*/}\"" ;;
  esac
  if [ -s "$tmp.passphrase" ]; then set -- -F "_passphrase=<$tmp.passphrase" "$@"; fi
  if [ -s "$tmp.invite" ]; then set -- -F "_invite=<$tmp.invite" "$@"; fi
  if [ -n "$submission" ]; then set -- -F "_submission=$submission" "$@"; fi
  read_piece | request -F "_upload=$id" -F "_offset=$offset" -F "_size=$size" "$@" "$url"
}

# dd skips whole blocks only.
read_piece() {
  count=$(((end - 1) / block - offset / block + 1))
  dd if="$file" bs=$block skip=$((offset / block)) count=$count 2>/dev/null |
    tail -c +$((offset % block + 1)) | head -c $((end - offset))
}

# Sets end, where the piece at the offset ends.
find_end() {
  end=$((offset + (piece < block ? block : piece)))
  if [ "$end" -gt "$size" ]; then end=$size; fi
  if [ "$cut_count" = 0 ]; then return; fi
  # Cuts have helped in this file.
  if [ "$offset" -ge "$searched" ]; then find_cuts; fi
  for cut in $searched $cuts; do
    if [ "$cut" -gt "$offset" ] && [ "$cut" -lt "$end" ]; then end=$cut; fi
  done
}

# ModSecurity takes a line that begins with two hyphens for the beginning of another part. It lets a
# hyphen at the end of one piece pass, and the next one at the beginning of another. So the piece is
# cut between every two of them. A line -- alone is harmless. Sets cuts: offsets, the largest first;
# and searched: up to where they are known.
find_cuts() {
  # After the last two hyphens of a piece comes something, too. awk gets no NUL, which some of it
  # takes for the end of a line.
  found=$({ read_piece; echo x; } | tr -c '\n-' x | awk '
    /^--./ {
      hyphens = match($0 "x", /[^-]/) - 1
      for (i = 1; i < hyphens && n <= 500; i++) { n++; print at + i }
    }
    n > 500 { exit }
    { at += length($0) + 1 }')
  searched=$end cuts=''
  for cut in $found; do
    cut_count=$((cut_count + 1))
    if [ $cut_count -gt 500 ]; then fail_content; fi
    cuts="$((offset + cut)) $cuts"
  done
}

# Prints the HTTP status. A connection that is silent for 100 seconds counts as broken. What curl
# says of a failure is for the end: most failures pass.
request() {
  curl -sS --stderr "$tmp.curl" -o "$tmp.body" -D "$tmp.head" -w '%{http_code}' \
    -H 'Accept: text/plain' -H 'Expect:' --connect-timeout 30 --speed-time 100 --speed-limit 1 "$@"
}

# Reads the reply of a request after which the file is not complete yet. Sets the next offset and
# the size of the next piece, or ends the run.
decide_next() {
  if is_passing; then
    wait_and_ask
    return
  fi
  case $code in
    200 | 202)
      if [ -z "$told" ]; then stop 69 "$url: no upload.cgi"; fi
      continue_at_told
      ;;
    30[12378]) stop 69 "$url: moved; use this address: $(location)" ;;
    409)
      if is_ours SUBMISSION_CLOSED && [ -n "$submission" ]; then
        # A submission takes files for a day.
        try_again
        random_id >"$group"
        submission=$(cat "$group")
        return
      fi
      # Another run sends the same file at the same time: what it sent counts, too.
      if [ -z "$told" ]; then fail; fi
      continue_at_told
      ;;
    403 | 406)
      if is_ours; then fail; fi
      face_firewall
      ;;
    404)
      # Some servers put a page of their own in place of the program's answer to a question.
      if ! is_ours NO_SUCH_UPLOAD && { is_ours || [ -n "$offset" ]; }; then fail; fi
      told=0
      continue_at_told
      ;;
    413)
      # The web server or max_request_size limits requests: smaller pieces may pass.
      if is_ours && ! is_ours REQUEST_TOO_LARGE; then fail; fi
      piece=$((piece / 2))
      if [ $piece -lt 131072 ]; then fail; fi
      ;;
    000 | 408 | 423 | 425 | 429 | 499 | 500 | 50[234] | 508 | 52? | 530)
      # Nobody answered, or what is in front of the program is busy.
      if is_ours; then fail; fi
      wait_and_ask
      # A connection may never last for a whole piece. Some limits only close it, some say 500.
      if [ "$code" = 500 ] || [ $((tries % 3)) = 0 ]; then
        if [ "$piece" -ge 262144 ]; then piece=$((piece / 2)); fi
      fi
      ;;
    *) fail ;;
  esac
}

# The upload made progress, or it counts as one more failed try.
continue_at_told() {
  if [ "$told" = "$last" ]; then try_again; else tries=0 waits=0; fi
  offset=$told last=$told
  if [ "$refused" = "$offset" ]; then cut_refused; fi
  refused=''
}

# A firewall refuses a piece for its content, or it counts requests. Then it refuses the question
# for the status, too, and a later one passes.
face_firewall() {
  if [ -n "$offset" ]; then
    refused=$offset
    offset=''
    try_again
  elif [ -n "$passed" ]; then
    wait_for_firewall fail
  else
    fail
  fi
}

# Cuts the piece that was refused. If there is nothing to cut, it may pass later; the first one may
# pass with the name in the headers of the part, where firewalls look for other things. There they
# refuse quotes, semicolons and equals signs.
cut_refused() {
  before=$cut_count
  find_cuts
  if [ "$cut_count" != "$before" ]; then return; fi
  if [ "$offset" != 0 ]; then
    wait_for_firewall fail_content
    return
  fi
  case $named${file##*/} in
    inside* | *[\"\'\;=\\[:cntrl:]]*) fail_file ;;
  esac
  named=inside
}

# Waits three times at most, then calls $1.
wait_for_firewall() {
  waits=$((waits + 1))
  if [ $waits -gt 3 ]; then $1; fi
  sleep $((waits > 1 ? 30 : 15))
  offset='' refused=''
}

# Waits as long as the server asks for, but two minutes at most; then the status is asked for.
wait_and_ask() {
  try_again
  offset=''
  pause=$(header '[Rr]etry-[Aa]fter')
  if [ "${pause:-0}" -gt 120 ]; then pause=120; fi
  sleep $((${pause:-0} > tries ? pause : tries))
}

# Is the reply from upload.cgi itself, and says that it passes?
is_passing() {
  grep -q '^[A-Z_]*: .*\[id [^ ]*, passing]$' "$tmp.body"
}

# Is the reply from upload.cgi itself, with this error code or with any?
is_ours() {
  grep -q "^${1:-[A-Z_]*}: " "$tmp.body"
}

try_again() {
  tries=$((tries + 1))
  if [ $tries -ge 20 ] || { [ $tries -ge 3 ] && [ -z "$reached" ]; }; then fail 75; fi
}

# Prints the address that the last reply names instead.
location() {
  tr -d '\r' <"$tmp.head" | sed -n 's/^[Ll]ocation: *//p' | sed -n '$p' | head -c 1000 | safe
}

# Ends the run, with the given exit status or with 69.
fail() {
  if [ "$code" = 000 ]; then
    echo >&2
    stop "${1:-69}" "$shown: no answer from $url: $(tail -n 1 "$tmp.curl" | safe)"
  fi
  printf '\n%s: HTTP %s %s\n' "$shown" "$code" "$(head -c 1000 "$tmp.body" | safe)" >&2
  exit "${1:-69}"
}

fail_content() {
  echo >&2
  stop 69 "$shown: a firewall refuses the content: send it in a ZIP file, or ask the host"
}

fail_file() {
  echo >&2
  stop 69 "$shown: a firewall refuses the name or the content: rename it, send it in a ZIP file, or \
ask the host"
}

# The third column of the receipt is the checksum, or "-" if the server has none.
compare_checksum() {
  sum=$(cut -f3 "$tmp.body")
  if [ "$sum" = - ] || ! command -v sha256sum >/dev/null; then return; fi
  if [ "$(sha256sum <"$file" | cut -c1-64)" != "$sum" ]; then
    rm -f "$key"
    stop 65 "$shown: stored with another checksum"
  fi
}

main "$@"
