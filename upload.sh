#!/bin/sh
# Sends files to an upload.cgi in pieces, with curl alone. If it is broken off, run it again: it goes on where the
# upload stands. Usage: upload.sh URL FILE…   PIECE=8388608 (bytes) makes other pieces; ~/.curlrc has options for curl.
# Prints the receipt of each file: stored name, bytes, sha256, id, time. docs/resume.md has the protocol.
[ $# -ge 2 ] || { echo 'usage: upload.sh URL FILE…' >&2; exit 64; }
url=$1 piece=${PIECE:-8388608} block=65536 state=${XDG_STATE_HOME:-$HOME/.local/state}/upload.cgi
shift; umask 077; mkdir -p "$state" || exit 73
fail() { printf '\n%s: %s\n' "$file" "$(head -c 1000 "$key.body")" >&2; rm -f "$key".*; exit 1; }
again() { tries=$((tries + 1)); [ $tries -lt 20 ] || fail; }
ask() { curl -sS -o "$key.body" -D "$key.head" -w '%{http_code}' -H 'Accept: text/plain' -H 'Expect:' "$@"; }
for file do
  size=$(($(wc -c <"$file") + 0)) || exit 66
  key=$state/$(printf '%s %s' "$url" "$(ls -iLl -- "$file")" | cksum | tr ' ' -)
  [ -s "$key" ] || od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$key"
  id=$(cat "$key") name=$(printf %s "${file##*/}" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g')
  offset='' tries=0 query='?'; case $url in *\?*) query='&' ;; esac
  while :; do
    : >"$key.head"; : >"$key.body"
    if [ -z "$offset" ]; then code=$(ask "$url${query}upload=$id"); else
      part=$block skip=$((offset / block)) count=$(((piece + block - 1) / block))
      [ $((offset % block)) = 0 ] || { part=1 skip=$offset count=$((block - offset % block)); }
      dd if="$file" bs=$part skip="$skip" count="$count" 2>/dev/null >"$key.piece" || exit 74
      code=$(ask -F "_upload=$id" -F "_offset=$offset" -F "_size=$size" -F "_filename=$name" \
        -F "file=@\"$key.piece\";filename=file" "$url")
    fi
    told=$(tr -d '\r' <"$key.head" | sed -n 's/^[Uu]pload-[Oo]ffset: *//p')
    case $code in
      201) break ;;
      200 | 202) offset=${told:?"$url is no upload.cgi"} tries=0 ;;
      409) [ -n "$told" ] || fail; again; offset=$told ;;
      404) grep -q NO_SUCH_UPLOAD "$key.body" || fail; again; offset=0 ;;
      413 | 500) if grep -q '^[A-Z_]*: ' "$key.body"; then fail; fi
           piece=$((piece / 2)); [ $piece -ge 131072 ] || fail ;;
      000 | 423 | 502 | 503 | 504 | 508)
           if grep -q '^[A-Z_]*: ' "$key.body" && [ "$code" != 423 ]; then fail; fi
           again; offset=''; sleep $tries ;;
      *) fail ;;
    esac
    [ -z "$offset" ] || [ "$size" = 0 ] || printf '\r%s: %d %% stored' "$file" $((offset * 100 / size)) >&2
  done
  printf '\n' >&2; cat "$key.body"; sum=$(cut -f3 "$key.body")
  if command -v sha256sum >/dev/null && [ "$sum" != - ]; then
    [ "$(sha256sum <"$file" | cut -c1-64)" = "$sum" ] || { echo "$file: stored with another checksum" >&2; exit 65; }
  fi
  rm -f "$key" "$key".*
done
