# page.cmake: the page that the gateway serves (dify_gateway): all files of web/dist, each as it is
# and as gzip. web/build.mjs makes them; to build the gateway nothing of it is needed.

set(types_html "text/html; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_svg "image/svg+xml")
set(types_txt "text/plain; charset=utf-8")
file(GLOB names CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/web/dist
    ${CMAKE_SOURCE_DIR}/web/dist/*)
set(forms "")
set(table "")
set(number 0)
foreach(name IN LISTS names)
    string(REGEX REPLACE ".*\\." "" kind ${name})
    if(NOT DEFINED types_${kind})
        message(FATAL_ERROR "web/dist/${name}: of what type is it served? Add it to types_*")
    endif()
    embed_bytes(web/dist/${name} plain plain_tag)
    embed_gzip(web/dist/${name} gzip gzip_tag)
    math(EXPR number "${number} + 1")
    string(APPEND forms "static const unsigned char plain_${number}[] = {\n${plain}};\n"
        "static const unsigned char gzip_${number}[] = {\n${gzip}};\n")
    set(path "/assets/${name}")
    if(name STREQUAL "index.html")
        set(path "/")
    endif()
    string(APPEND table "    {\"${path}\", \"${types_${kind}}\",
     {plain_${number}, sizeof plain_${number}, \"\\\"${plain_tag}\\\"\"},
     {gzip_${number}, sizeof gzip_${number}, \"\\\"${gzip_tag}\\\"\"}},\n")
endforeach()
file(CONFIGURE OUTPUT page_files.c @ONLY CONTENT
"/* Made from web/dist */
#include \"gateway/page.h\"
@forms@
const struct gw_page_file gw_page_files[] = {
@table@};
const size_t gw_page_file_count = sizeof gw_page_files / sizeof gw_page_files[0];
")
target_sources(dify_gateway PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/page_files.c)
