#!/bin/sh
# Sends files to an upload.cgi in pieces, with curl alone. If it is broken off, run it again: it goes on where each
# upload stands. Usage: upload.sh URL FILE…   PIECE=8388608 (bytes) makes other pieces; ~/.curlrc has options for curl.
# Prints the receipt of each file: stored name, bytes, sha256, id, time. docs/resume.md has the protocol.
# Exit status: 0 all stored; 75 broken off, run it again; 69 refused; 65 stored, but the checksum is another;
# 64 wrong usage; 66 no such file; 73 no place to remember uploads in.
export LC_ALL=C
piece=${PIECE:-8388608} block=65536 state=${XDG_STATE_HOME:-$HOME/.local/state}/upload.cgi
case $piece in *[!0-9]* | ????????????*) set -- ;; esac
[ $# -ge 2 ] || { echo 'usage: [PIECE=BYTES] upload.sh URL FILE…' >&2; exit 64; }
url=$1 query='?'; case $url in *\?*) query='&' ;; esac
shift; umask 077; mkdir -p "$state" || exit 73
find "$state" -type f -mtime +30 -exec rm -f {} +
tmp=$state/run.$$
trap 'rm -f "$tmp".*' EXIT; trap 'exit 75' HUP INT TERM
fail() { printf '\n%s: HTTP %s %s\n' "$file" "$code" "$(head -c 1000 "$tmp.body")" >&2; exit "${1:-69}"; }
again() { tries=$((tries + 1)); [ $tries -lt 20 ] || fail 75; }
ours() { grep -q "^${1:-[A-Z_]*}: " "$tmp.body"; }
ask() { curl -sS -o "$tmp.body" -D "$tmp.head" -w '%{http_code}' -H 'Accept: text/plain' -H 'Expect:' \
          --connect-timeout 30 --speed-time 100 --speed-limit 1 "$@"; }
ends() { for skip in 0 $((size > block ? size / block - 1 : 0)); do dd if="$file" bs=$block skip=$skip count=2 2>/dev/null; done; }
for file do
  if [ ! -f "$file" ] || [ ! -r "$file" ]; then echo "$file: no such file" >&2; exit 66; fi
  about=$(ls -dinL -- "$file")
  read -r _ _ _ _ _ size _ <<END
$about
END
  # Who edits a file within the minute that ls shows has changed its beginning or its end, as a rule.
  key=$state/$({ printf '%s %s' "$url" "$about"; ends; } | cksum | tr ' ' -)
  [ -s "$key" ] || od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$key"
  id=$(cat "$key") name=$(printf %s "${file##*/}" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g')
  offset='' last='' tries=0
  while :; do
    : >"$tmp.head"; : >"$tmp.body"
    if [ -z "$offset" ]; then code=$(ask "$url${query}upload=$id"); else
      part=$block skip=$((offset / block)) count=$((piece / block + (piece < block)))
      [ $((offset % block)) = 0 ] || { part=1 skip=$offset count=$((block - offset % block)); }
      code=$(dd if="$file" bs=$part skip="$skip" count="$count" 2>/dev/null |
        ask -F "_upload=$id" -F "_offset=$offset" -F "_size=$size" -F "_filename=$name" -F 'file=@-;filename=file' "$url") ||
        [ "$code" != 201 ] || code=000
    fi
    told=$(tr -d '\r' <"$tmp.head" | sed -n 's/^[Uu]pload-[Oo]ffset: *//p')
    case $code in
      201) break ;;
      200 | 202) [ -n "$told" ] || { echo "$url: no upload.cgi" >&2; exit 69; }
           if [ "$told" = "$last" ]; then again; else tries=0; fi
           offset=$told last=$told ;;
      409) [ -n "$told" ] || fail
           # Another run sends the same file: what it sends counts, too.
           if [ "$told" = "$last" ]; then again; else tries=0; fi
           offset=$told last=$told ;;
      404) ours NO_SUCH_UPLOAD || fail; again; offset=0 ;;
      413 | 500) if ours && ! ours REQUEST_TOO_LARGE; then fail; fi
           piece=$((piece / 2)); [ $piece -ge 131072 ] || fail ;;
      000 | 408 | 423 | 429 | 50[234] | 508 | 52?) if ours && [ "$code" != 423 ]; then fail; fi
           again; offset=''; sleep $tries
           # A line that never lasts for a whole piece, or a limit that says nothing.
           [ $((tries % 3)) != 0 ] || [ "$code" = 423 ] || [ "$piece" -lt 524288 ] || piece=$((piece / 2)) ;;
      *) fail ;;
    esac
    [ -z "$offset" ] || [ "$size" = 0 ] || printf '\r%s: %d %% stored' "$file" $((offset * 100 / size)) >&2
  done
  printf '\r%s: 100 %% stored\n' "$file" >&2; cat "$tmp.body"; sum=$(cut -f3 "$tmp.body")
  if command -v sha256sum >/dev/null && [ "$sum" != - ] && [ "$(sha256sum <"$file" | cut -c1-64)" != "$sum" ]; then
    rm -f "$key"; echo "$file: stored with another checksum" >&2; exit 65
  fi
  echo "$key" >>"$tmp.done"
done
# Only now, so that a run that goes on with the last of many sends none of the others again.
while read -r key; do rm -f "$key"; done <"$tmp.done"
