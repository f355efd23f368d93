#!/usr/bin/env bash
# Certificates for the nodes of a cluster, by an authority of their own.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: certificates.sh DIR HOST...

Makes an authority and a certificate for each HOST (a name, an address, or *.DOMAIN) in DIR:

  DIR/ca.crt  DIR/ca.key     the authority; where they are there already, they sign the new ones
  DIR/HOST.crt  DIR/HOST.key  for node.tls.certificate and node.tls.key of the node whose node.host is HOST
                              (*.DOMAIN is written any.DOMAIN)

Each node needs its own two files and ca.crt. ca.key makes new nodes: keep it away from them. Nothing that is there is
overwritten. Nodes' certificates are good for 825 days; nodes read new ones while they run.
TEXT
}

fail() {
  echo "certificates.sh: $*" >&2
  exit 1
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
command -v openssl >/dev/null || fail "needs openssl; install it"

dir="$1"
shift
files=()
for host in "$@"; do
  [[ "$host" =~ ^(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$ || "$host" =~ ^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$ ]] \
    || fail "$host is no host name or address"
  [ "$host" != ca ] || fail "a host cannot be called ca here: its files would be the authority's"
  file="$dir/${host/#\*/any}"
  for there in "$file.crt" "$file.key"; do
    [ ! -e "$there" ] || fail "$there is there already; move it away, or name another folder"
  done
  files+=("$file")
done
[ -e "$dir/ca.crt" ] || [ ! -e "$dir/ca.key" ] || fail "$dir/ca.key is there without ca.crt; name another folder"
[ -e "$dir/ca.key" ] || [ ! -e "$dir/ca.crt" ] || fail "$dir/ca.crt is there without ca.key, which signs; put it there"

umask 077
mkdir -p "$dir"
work="$(mktemp -d "$dir/.making.XXXXXX")"
trap 'rm -rf "$work"' EXIT

quietly() {
  local said
  said="$("$@" 2>&1)" || fail "openssl failed: $said"
}

# RSA, because the nodes' transport reads no other keys; PKCS#8 is what genpkey writes.
key() {
  quietly openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$1"
  chmod 600 "$1"
}

# Never over a file that has come to be there meanwhile.
place() {
  ln "$1" "$2" 2>/dev/null || fail "$2 is there already"
}

if [ ! -e "$dir/ca.key" ]; then
  key "$work/ca.key"
  cat >"$work/ca.cnf" <<TEXT
[req]
distinguished_name = name
prompt = no
x509_extensions = ca
[name]
CN = Sluice authority $(openssl rand -hex 4)
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
TEXT
  quietly openssl req -x509 -new -sha256 -days 3650 -config "$work/ca.cnf" -key "$work/ca.key" -out "$work/ca.crt"
  chmod 644 "$work/ca.crt"
  place "$work/ca.key" "$dir/ca.key"
  place "$work/ca.crt" "$dir/ca.crt"
fi

i=0
for host in "$@"; do
  kind=DNS
  [[ "$host" =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ || "$host" == *:* ]] && kind=IP
  key "$work/node.key"
  # Nodes take one another for the same cluster's by the name that they all have.
  cat >"$work/node.cnf" <<TEXT
[req]
distinguished_name = name
prompt = no
[name]
CN = sluice
[node]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $kind:$host
TEXT
  quietly openssl req -new -sha256 -config "$work/node.cnf" -key "$work/node.key" -out "$work/node.csr"
  quietly openssl x509 -req -sha256 -days 825 -in "$work/node.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" \
    -set_serial "0x$(openssl rand -hex 16 | sed 's/^./1/')" -extfile "$work/node.cnf" -extensions node -out "$work/node.crt"
  chmod 644 "$work/node.crt"
  place "$work/node.key" "${files[$i]}.key"
  place "$work/node.crt" "${files[$i]}.crt"
  rm "$work"/node.*
  i=$((i + 1))
done
echo "certificates.sh: $# made in $dir"
