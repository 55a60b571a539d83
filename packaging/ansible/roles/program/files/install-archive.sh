# Unpacks the archive $1 with the digest $2 into a folder of its own and makes it the one that is installed. What runs from
# another folder stays until its service has been started again.
set -eu
folder=/opt/steelyard/$(printf '%.12s' "$2")
rm -rf -- "$folder.new" && mkdir -p "$folder.new"
tar -xzf "$1" -C "$folder.new" --strip-components=1 --no-same-owner
if [ -e /var/cache/steelyard-node ]; then
  mkdir "$folder.new/runtime" && mv /var/cache/steelyard-node "$folder.new/runtime/node"
fi
rm -rf -- "$folder" && mv "$folder.new" "$folder"
"$folder/bin/steelyard" --version
ln -sfn "$folder" /opt/steelyard/current
ln -sfn /opt/steelyard/current/bin/steelyard /usr/local/bin/steelyard
"$folder/bin/steelyard" install
systemctl daemon-reload
printf '%s archive\n' "$2" >/var/lib/steelyard/ansible
rm -f -- "$1"
