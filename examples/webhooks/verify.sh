#!/bin/sh
# Verifies one webhook: verify.sh ID TIMESTAMP SIGNATURES < body, with the secret in WEBHOOK_SECRET.
# For tries by hand: other users of the machine can see the key among the arguments of openssl.
set -euf
id=$1 timestamp=$2 signatures=$3

refuse() {
  echo "NOT VERIFIED"
  exit 1
}

case $timestamp in
  '' | 0* | *[!0-9]*) refuse ;;
esac
age=$(($(date +%s) - timestamp))
[ "${age#-}" -le 300 ] || refuse

key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
expected=v1,$({
  printf %s.%s. "$id" "$timestamp"
  cat
} | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

for signature in $signatures; do
  if [ "$signature" = "$expected" ]; then
    echo verified
    exit 0
  fi
done
refuse
