#!/usr/bin/env bash
# Do what the Dockerfile says, without Docker, in a clean directory: install what its COPY lines name into a new virtual
# environment, run it with its ENV lines as a user who owns nothing but the data, ask its HEALTHCHECK, make a backup and
# a restore (vector-backup doctor), and stop it. Not tried: the base image, its layers, and that the root is read-only.
# With --install it ends after `vector-backup --version`.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
STAGE=$(mktemp -d)
SERVER=
finish() {
    [[ -z $SERVER ]] || kill "$SERVER" 2>/dev/null || true
    rm -rf "$STAGE"
}
trap finish EXIT
chmod 711 "$STAGE"
mkdir "$STAGE/src" "$STAGE/data" "$STAGE/data/backups"

while read -r -a words; do
    [[ ${words[1]} == --from=* ]] && continue
    for name in "${words[@]:1:${#words[@]}-2}"; do cp -r "$name" "$STAGE/src/"; done
done < <(grep '^COPY ' Dockerfile)
rm -rf "$STAGE/src/data_pipeline/training_data"
find "$STAGE/src" -name __pycache__ -prune -exec rm -rf {} +

# As `python -m venv` and its pip would; not every system's python3 brings a pip along.
"$PYTHON" -m venv --without-pip "$STAGE/image"
"$PYTHON" -m pip --python "$STAGE/image/bin/python" install -q --disable-pip-version-check "$STAGE/src"
chmod -R a-w "$STAGE/image"
"$STAGE/image/bin/vector-backup" --version
[[ ${1:-} != --install ]] || exit 0

as_user=()
if [[ $EUID -eq 0 ]]; then
    as_user=(setpriv --reuid nobody --regid "$(id -gn nobody)" --clear-groups)  # 10001 exists in the image alone
    chown -R nobody "$STAGE/data"
    if ! "${as_user[@]}" "$STAGE/image/bin/python" -c '' 2>/dev/null; then
        echo "try-image: the interpreter is out of another user's reach, so it runs as root" >&2
        as_user=()
        chown -R 0 "$STAGE/data"
    fi
fi
token=$("$PYTHON" -c 'import secrets; print(secrets.token_hex(16))')
port=$("$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
environment=("API_TOKEN=$token" "DATABASE_URL=embedded")
while IFS= read -r line; do environment+=("$line"); done < <(
    sed -n 's/^ENV //p' Dockerfile | sed -e "s#/data#$STAGE/data#" -e "s#/opt/vector-backup#$STAGE/image#"
)
environment+=("HOST=127.0.0.1" "PORT=$port" "TMPDIR=$STAGE/data")  # no port of this machine is opened to others
in_image() { (cd "$STAGE/data" && exec env -i "${environment[@]}" "${as_user[@]}" "$@"); }

in_image vector-backup serve >"$STAGE/log" 2>&1 &
SERVER=$!
mapfile -t health < <(sed -n 's/^ *CMD \(\["python".*\)$/\1/p' Dockerfile | "$PYTHON" -c 'import json, sys; print(*json.load(sys.stdin), sep="\n")')
for _ in $(seq 120); do
    in_image "${health[@]}" 2>/dev/null && break
    kill -0 "$SERVER" 2>/dev/null || { cat "$STAGE/log" >&2; exit 1; }
    sleep 0.5
done
in_image "${health[@]}"
echo "healthy"
in_image vector-backup --lang en doctor
kill "$SERVER"
wait "$SERVER"
SERVER=
echo "stopped"
