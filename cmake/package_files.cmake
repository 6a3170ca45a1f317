# package_files.cmake: run by cpack when all files of the packages lie in place: manual pages and
# changelogs are compressed, as Debian wants them, without a time.

file(GLOB_RECURSE files LIST_DIRECTORIES false ${CPACK_TEMPORARY_DIRECTORY}/*)
list(FILTER files INCLUDE REGEX "/man1/[^/]*\\.1$|/share/doc/[^/]*/changelog(\\.Debian)?$")
if(NOT files)
    message(FATAL_ERROR "no manual page below ${CPACK_TEMPORARY_DIRECTORY}")
endif()
execute_process(COMMAND gzip -9nf ${files} COMMAND_ERROR_IS_FATAL ANY)
