#!/bin/sh
# Loads what the fixture put into /fixture, once, and becomes Samba.
set -eu
install -d -m 0700 /samba/tls
install -m 0600 /fixture/ca.crt /fixture/server.crt /fixture/server.key /samba/tls
for ldif in /fixture/*.ldif; do
  if [ -s "$ldif" ]; then
    ldbadd -H /samba/private/sam.ldb --configfile=/samba/etc/smb.conf "$ldif" >&2
    rm "$ldif"
  fi
done
exec samba -F --no-process-group -M single -s /samba/etc/smb.conf --debug-stdout
