#!/bin/sh
# Loads what the fixture put into /slapd, and becomes slapd.
set -eu
cd /slapd
mkdir -p config data
slapadd -q -F config -n 0 -l config.ldif
slapadd -q -F config -n 1 -l data.ldif
exec slapd -d none -F config -h 'ldap:/// ldaps:/// ldapi://%2Fslapd%2Fldapi'
