# embed.cmake: files that become part of a program.

# Bytes that are given as hexadecimal digits, as below.
function(embed_digits digits variable)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
    string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
    set(${variable} "${bytes}" PARENT_SCOPE)
    if(ARGC GREATER 2)
        string(SHA256 tag "${digits}")
        string(SUBSTRING ${tag} 0 16 tag)
        set(${ARGV2} ${tag} PARENT_SCOPE)
    endif()
endfunction()

# embed_bytes(FILE VARIABLE [TAG]): the bytes of a file of the tree as a C initializer's elements; a
# tag that only these bytes have.
function(embed_bytes file variable)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} digits HEX)
    embed_digits("${digits}" ${variable} ${ARGN})
    foreach(each IN ITEMS ${variable} ${ARGN})
        set(${each} "${${each}}" PARENT_SCOPE)
    endforeach()
endfunction()

# embed_gzip(FILE VARIABLE TAG): the same of the file compressed. The time in its head (RFC 1952:
# four bytes from the fifth on) is 0, so that each build of a tree is the same.
function(embed_gzip file variable tag)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set(packed ${CMAKE_CURRENT_BINARY_DIR}/embedded.gz)
    file(ARCHIVE_CREATE OUTPUT ${packed} PATHS ${file} FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9)
    file(READ ${packed} digits HEX)
    file(REMOVE ${packed})
    string(SUBSTRING "${digits}" 0 8 before)
    string(SUBSTRING "${digits}" 16 -1 behind)
    set(digits "${before}00000000${behind}")
    embed_digits("${digits}" ${variable} ${tag})
    set(${variable} "${${variable}}" PARENT_SCOPE)
    set(${tag} "${${tag}}" PARENT_SCOPE)
endfunction()
