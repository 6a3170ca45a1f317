# package.cmake: Debian packages, made by cpack -G DEB (script/package): difystream with its service,
# the shared library, and what programs are built with. What only packages have, such as the unit
# and /etc, is in no plain installation.

set(DIFY_PACKAGE_MAINTAINER "difystream maintainers <maintainers@difystream.example>" CACHE STRING
    "Who answers for the packages: NAME <ADDRESS>")
set(DIFY_PACKAGE_RELEASE "1" CACHE STRING "What the packages' version has behind the program's")

set(packaging ${PROJECT_SOURCE_DIR}/packaging)
set(only_packages COMPONENT service EXCLUDE_FROM_ALL)
set(soname ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
install(FILES packaging/config.yaml DESTINATION /etc/difystream ${only_packages})
install(DIRECTORY DESTINATION /etc/difystream/keys
    DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE ${only_packages})
install(FILES packaging/difystream.service DESTINATION /usr/lib/systemd/system ${only_packages})
set(doc ${CMAKE_INSTALL_DATADIR}/doc)
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(CONFIGURE OUTPUT changelog.Debian @ONLY CONTENT
"difystream (@PROJECT_VERSION@-@DIFY_PACKAGE_RELEASE@) stable; urgency=medium

  * Version @PROJECT_VERSION@: see changelog.gz.

 -- @DIFY_PACKAGE_MAINTAINER@  @now@
")
install(DIRECTORY docs DESTINATION ${doc}/difystream ${only_packages})
install(FILES packaging/alerts.yaml packaging/nginx.conf packaging/Caddyfile
    DESTINATION ${doc}/difystream/examples ${only_packages})
foreach(each service:difystream library:libdifystream${soname} development:libdifystream-dev)
    string(REPLACE ":" ";" each ${each})
    list(POP_FRONT each component name)
    install(FILES packaging/debian/copyright DESTINATION ${doc}/${name}
        COMPONENT ${component}_about EXCLUDE_FROM_ALL)
    install(FILES CHANGELOG.md RENAME changelog DESTINATION ${doc}/${name}
        COMPONENT ${component}_about EXCLUDE_FROM_ALL)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian DESTINATION ${doc}/${name}
        COMPONENT ${component}_about EXCLUDE_FROM_ALL)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME difystream)
set(CPACK_PACKAGE_VENDOR difystream)
set(CPACK_PACKAGE_CONTACT "${DIFY_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON) # for /etc
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
    GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_files.cmake)

# Each package holds a group of components.
set(CPACK_COMPONENTS_ALL command service service_about library library_about development
    development_about)
set(CPACK_COMPONENT_COMMAND_GROUP service)
set(CPACK_COMPONENT_SERVICE_GROUP service)
set(CPACK_COMPONENT_SERVICE_ABOUT_GROUP service)
set(CPACK_COMPONENT_LIBRARY_GROUP library)
set(CPACK_COMPONENT_LIBRARY_ABOUT_GROUP library)
set(CPACK_COMPONENT_DEVELOPMENT_GROUP development)
set(CPACK_COMPONENT_DEVELOPMENT_ABOUT_GROUP development)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${DIFY_PACKAGE_RELEASE})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_SERVICE_PACKAGE_NAME difystream)
set(CPACK_DEBIAN_SERVICE_PACKAGE_SECTION net)
set(CPACK_DEBIAN_SERVICE_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_SERVICE_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_SERVICE_PACKAGE_SUGGESTS sqlite3)
set(CPACK_DEBIAN_SERVICE_DESCRIPTION "difystream reads the event stream of a Dify app's run, takes a run whose
connection broke up where it was, and makes one result of it.

This package has the command, a gateway that clients call in place of Dify, its
service for systemd, and a simulated Dify that misbehaves when it is told to.")
set(CPACK_DEBIAN_SERVICE_PACKAGE_CONTROL_EXTRA ${packaging}/debian/conffiles
    ${packaging}/debian/postinst ${packaging}/debian/prerm ${packaging}/debian/postrm)

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libdifystream${soname})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${packaging}/debian/triggers)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "libdifystream reads the event stream of a Dify app's run, takes a run whose
connection broke up where it was, and makes one result of it.

This package has the shared library.")

set(needs "libdifystream${soname} (= ${PROJECT_VERSION}-${DIFY_PACKAGE_RELEASE}), libcurl4-openssl-dev | libcurl-dev")
if(DIFY_YYJSON_SYSTEM)
    string(APPEND needs ", libyyjson-dev")
endif()
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libdifystream-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ${needs})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "libdifystream reads the event stream of a Dify app's run, takes a run whose
connection broke up where it was, and makes one result of it.

This package has its headers, which are its manual, the static library, and
what pkg-config and CMake want to know.")
include(CPack)
