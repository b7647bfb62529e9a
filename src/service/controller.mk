# The controller's shell
src_service_libservice_a_SOURCES += \
  src/service/controller_loop.c src/service/controller_loop.h \
  src/service/controller_translate.h \
  src/service/controller_wire.c \
  src/service/controller_zk.c
