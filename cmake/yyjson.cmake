# yyjson.cmake: the target dify_yyjson, the JSON reader of the library.
#
# It is the system's yyjson where pkg-config knows 0.10 or newer (DIFY_YYJSON_SYSTEM is then ON);
# else the source that script/setup put into build/deps/yyjson, compiled here into a static library
# whose symbols stay hidden in whatever shared object it is linked into. What must hold its objects
# itself, such as an installed static library, takes $<TARGET_OBJECTS:dify_yyjson>.

include_guard(GLOBAL)

set(DIFY_YYJSON_SYSTEM OFF)
set(dify_yyjson_dir "${PROJECT_SOURCE_DIR}/build/deps/yyjson/src")

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
    pkg_check_modules(DIFY_YYJSON QUIET IMPORTED_TARGET "yyjson>=0.10")
endif()

if(DIFY_YYJSON_FOUND)
    set(DIFY_YYJSON_SYSTEM ON)
    add_library(dify_yyjson INTERFACE)
    target_link_libraries(dify_yyjson INTERFACE PkgConfig::DIFY_YYJSON)
elseif(EXISTS "${dify_yyjson_dir}/yyjson.c" AND EXISTS "${dify_yyjson_dir}/yyjson.h")
    add_library(dify_yyjson STATIC "${dify_yyjson_dir}/yyjson.c")
    target_include_directories(dify_yyjson SYSTEM PUBLIC "${dify_yyjson_dir}")
    # Its header asks for default visibility, which would win over C_VISIBILITY_PRESET. PUBLIC, so
    # that declarations and definitions agree.
    target_compile_definitions(dify_yyjson PUBLIC
        "yyjson_api=__attribute__((visibility(\"hidden\")))")
    # Not our code: no warnings or checkers, and fast in debug builds too. These options come after
    # those of the build type; sanitizers and coverage chosen for the whole build still apply. With
    # checks for undefined behaviour, or at -O2, sanitizers make this one file a minute's work of the
    # compiler's.
    target_compile_options(dify_yyjson PRIVATE -w)
    if(DIFY_SANITIZE)
        target_compile_options(dify_yyjson PRIVATE -O1 -fno-sanitize=undefined)
    else()
        target_compile_options(dify_yyjson PRIVATE -O2)
    endif()
    set_target_properties(dify_yyjson PROPERTIES
        POSITION_INDEPENDENT_CODE ON
        C_VISIBILITY_PRESET hidden
        C_CLANG_TIDY ""
        C_CPPCHECK ""
        C_INCLUDE_WHAT_YOU_USE "")
else()
    message(FATAL_ERROR "yyjson 0.10 or newer was not found. Run script/setup, which installs it "
        "or puts its source into build/deps/yyjson; or install libyyjson-dev yourself.")
endif()
