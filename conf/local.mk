# What is installed beside the programs: configuration, systemd unit, man pages, documents
EXTRA_DIST += conf/barnabas.service.in conf/barnabas.sysusers man/barnabas.1.in man/barnabas-server.1.in \
  docker docker-compose.yml .dockerignore
CLEANFILES += conf/barnabas.service man/barnabas.1 man/barnabas-server.1

FILL_IN = $(MKDIR_P) $(@D) && sed -e 's|@bindir[@]|$(bindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
  -e 's|@docdir[@]|$(docdir)|g' -e 's|@kafka_toolsdir[@]|$(kafka_toolsdir)|g'

conf/barnabas.service: conf/barnabas.service.in Makefile
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/conf/barnabas.service.in > $@
man/barnabas.1: man/barnabas.1.in Makefile
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/man/barnabas.1.in > $@
man/barnabas-server.1: man/barnabas-server.1.in Makefile
	$(AM_V_GEN)$(FILL_IN) $(srcdir)/man/barnabas-server.1.in > $@

nodist_man_MANS = man/barnabas.1 man/barnabas-server.1
nodist_systemdsystemunit_DATA = conf/barnabas.service
dist_doc_DATA = CHANGELOG.md LICENSE README.md conf/cluster.properties $(wildcard $(srcdir)/docs/*.md)
dist_check_SCRIPTS += scripts/check-man.sh

# The configuration stays when there is one: it is the owner's. What we would have installed stands among the
# documents. It differs from the sample in the source tree by log.dirs, which there suits a first try.
barnabas_confdir = $(sysconfdir)/barnabas
INSTALLED_CONF = sed -e 's|^log.dirs=.*|log.dirs=/var/lib/barnabas|' $(srcdir)/conf/server.properties

install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(barnabas_confdir)' '$(DESTDIR)$(docdir)' '$(DESTDIR)$(sysusersdir)'
	$(INSTALL_DATA) $(srcdir)/conf/barnabas.sysusers '$(DESTDIR)$(sysusersdir)/barnabas.conf'
	$(INSTALLED_CONF) > server.properties.tmp
	$(INSTALL_DATA) server.properties.tmp '$(DESTDIR)$(docdir)/server.properties'
	test -e '$(DESTDIR)$(barnabas_confdir)/server.properties' || \
	  $(INSTALL_DATA) server.properties.tmp '$(DESTDIR)$(barnabas_confdir)/server.properties'
	rm -f server.properties.tmp

# A configuration that somebody has changed is left alone.
uninstall-local:
	rm -f '$(DESTDIR)$(sysusersdir)/barnabas.conf'
	if $(INSTALLED_CONF) | cmp -s - '$(DESTDIR)$(barnabas_confdir)/server.properties'; then \
	  rm -f '$(DESTDIR)$(barnabas_confdir)/server.properties'; \
	  rmdir '$(DESTDIR)$(barnabas_confdir)'; \
	fi
	rm -f '$(DESTDIR)$(docdir)/server.properties'
