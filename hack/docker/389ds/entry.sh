#!/bin/sh
# Takes the certificate and the contents that the fixture put into /ds, and becomes ns-slapd.
set -eu
instance=/etc/dirsrv/slapd-test
cd /ds

# The server has its keys in an NSS database, under the name Server-Cert.
openssl pkcs12 -export -in tls/server.crt -inkey tls/server.key -certfile tls/ca.crt -name Server-Cert \
  -passout pass: -out server.p12
certutil -D -d "$instance" -f "$instance/pwdfile.txt" -n Server-Cert
pk12util -i server.p12 -d "$instance" -k "$instance/pwdfile.txt" -W ''
certutil -A -d "$instance" -f "$instance/pwdfile.txt" -n test-ca -t CT,, -a -i tls/ca.crt
chown dirsrv:dirsrv "$instance"/*.db

chown dirsrv data.ldif
ns-slapd ldif2db -D "$instance" -n userroot -i /ds/data.ldif
install -d -o dirsrv /run/dirsrv /run/lock/dirsrv
exec ns-slapd -D "$instance" -i /run/dirsrv/slapd-test.pid -d 0
