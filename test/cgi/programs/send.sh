#!/bin/sh
# Sends each file named on the command line in a request of its own, for test/cgi/programs.test.ts.
# wget makes no forms, so this script does. What the server answers is not looked at.
# Usage: send.sh curl|wget|httpie URL FILE...

program=$1 url=$2
shift 2
for path do
  case $program in
    curl)
      escaped=$(printf %s "$path" | sed 's/[\\"]/\\&/g')
      curl -sS -o /dev/null -F "file=@\"$escaped\"" "$url"
      ;;
    httpie) http --ignore-stdin --multipart --quiet POST "$url" "file@$path" || : ;;
    wget)
      boundary=form-$$
      body=$(mktemp)
      {
        printf -- '--%s\r\nContent-Disposition: form-data; name="file"; ' "$boundary"
        printf 'filename="%s"\r\n\r\n' "${path##*/}"
        cat "$path"
        printf '\r\n--%s--\r\n' "$boundary"
      } >"$body"
      wget -q -O /dev/null --post-file="$body" \
        --header="Content-Type: multipart/form-data; boundary=$boundary" "$url" || :
      rm -f "$body"
      ;;
  esac
done
