/*
 * The version that the programs print; configure.ac knows it.
 */
#ifndef BARNABAS_SERVER_VERSION_H
#define BARNABAS_SERVER_VERSION_H

#include "config.h"

#define BARNABAS_VERSION PACKAGE_VERSION

#endif
