# embed.cmake: files that become part of a program.

# embed_bytes(FILE VARIABLE): the bytes of a file of the tree as a C initializer's elements.
function(embed_bytes file variable)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
    set(${variable} "${bytes}" PARENT_SCOPE)
endfunction()
