#!/bin/sh
# make_repository.sh FOLDER: a bare git repository with the words example, for the deployment that is cloned.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$(dirname "$1")"
rm -rf "$1"
cp -R "$here/words" "$work/words"
git -C "$work" init --quiet --initial-branch main
git -C "$work" add words/words.py words/licence.txt
git -C "$work" -c user.name=examples -c user.email=examples@localhost commit --quiet --message "The words example"
git clone --quiet --bare "$work" "$1"
