# library.cmake: libdifystream, shared and static, and what an installed copy brings with it.

set_target_properties(dify_core dify_client PROPERTIES C_VISIBILITY_PRESET hidden)

# Shared. While the major version is 0 the ABI changes with the minor one.
add_library(difystream SHARED $<TARGET_OBJECTS:dify_core> $<TARGET_OBJECTS:dify_client>)
target_link_libraries(difystream PRIVATE dify_yyjson PkgConfig::DIFY_CURL m)
target_link_options(difystream PRIVATE -Wl,--no-undefined)
target_include_directories(difystream INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
add_library(difystream::difystream ALIAS difystream)
set_target_properties(difystream PROPERTIES
    LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

# Static: one object in which all but the public names are local, so that it can be linked beside
# anything, another yyjson included.
set(merged ${CMAKE_CURRENT_BINARY_DIR}/difystream.o)
set(objects $<TARGET_OBJECTS:dify_core> $<TARGET_OBJECTS:dify_client>)
if(NOT DIFY_YYJSON_SYSTEM)
    list(APPEND objects $<TARGET_OBJECTS:dify_yyjson>)
endif()
add_custom_command(OUTPUT ${merged}
    COMMAND ${CMAKE_LINKER} -r -o ${merged} ${objects}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden --remove-section=.gnu.lto_*
        --remove-section=.gnu.debuglto_* ${merged}
    DEPENDS ${objects} dify_core dify_client dify_yyjson
    COMMAND_EXPAND_LISTS VERBATIM)
add_library(difystream_static STATIC ${merged})
target_include_directories(difystream_static INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
add_library(difystream::difystream_static ALIAS difystream_static)
set_target_properties(difystream_static PROPERTIES
    LINKER_LANGUAGE C OUTPUT_NAME difystream EXPORT_NAME difystream_static)

# ---- installation ----------------------------------------------------------------------------

# What a program has to be linked with beside the static library. Not as Requires.private: that
# would ask for everything that a static libcurl needs.
set(DIFY_STATIC_NEEDS curl m)
if(DIFY_YYJSON_SYSTEM)
    list(APPEND DIFY_STATIC_NEEDS yyjson)
endif()
list(TRANSFORM DIFY_STATIC_NEEDS PREPEND "-l" OUTPUT_VARIABLE DIFY_LIBS_PRIVATE)
list(JOIN DIFY_LIBS_PRIVATE " " DIFY_LIBS_PRIVATE)

include(CMakePackageConfigHelpers)
file(RELATIVE_PATH DIFY_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" DIFY_PREFIX_FROM_PC "${DIFY_PREFIX_FROM_PC}")
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/difystream)
configure_file(cmake/difystream.pc.in difystream.pc @ONLY)
configure_file(cmake/difystreamConfig.cmake.in difystreamConfig.cmake @ONLY)
write_basic_package_version_file(difystreamConfigVersion.cmake COMPATIBILITY SameMinorVersion)

# Parts: library is what programs run with, development what they are built with.
install(DIRECTORY include/difystream DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT development FILES_MATCHING PATTERN "*.h")
install(TARGETS difystream difystream_static EXPORT difystream
    LIBRARY COMPONENT library NAMELINK_COMPONENT development
    ARCHIVE COMPONENT development)
install(EXPORT difystream NAMESPACE difystream:: DESTINATION ${package_dir}
    FILE difystreamTargets.cmake COMPONENT development)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/difystreamConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/difystreamConfigVersion.cmake DESTINATION ${package_dir}
    COMPONENT development)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/difystream.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR}
    COMPONENT documents)
