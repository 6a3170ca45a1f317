# server.cmake: the HTTP layer (dify_http), what settings are read with (dify_conf) and the simulator
# (dify_sim), with the libraries they stand on: libuv, llhttp, libyaml. llhttp is the system's where
# pkg-config knows 9.2 or newer, else what script/setup put into build/deps/llhttp.

find_package(PkgConfig REQUIRED)
pkg_check_modules(DIFY_UV REQUIRED IMPORTED_TARGET "libuv>=1.44")
pkg_check_modules(DIFY_YAML REQUIRED IMPORTED_TARGET "yaml-0.1>=0.2.5")
pkg_check_modules(DIFY_LLHTTP QUIET IMPORTED_TARGET "libllhttp>=9.2")

set(dify_llhttp_dir "${PROJECT_SOURCE_DIR}/build/deps/llhttp")
add_library(dify_llhttp INTERFACE)
if(DIFY_LLHTTP_FOUND)
    target_link_libraries(dify_llhttp INTERFACE PkgConfig::DIFY_LLHTTP)
elseif(EXISTS "${dify_llhttp_dir}/llhttp.h" AND EXISTS "${dify_llhttp_dir}/libllhttp.a")
    target_include_directories(dify_llhttp SYSTEM INTERFACE "${dify_llhttp_dir}")
    target_link_libraries(dify_llhttp INTERFACE "${dify_llhttp_dir}/libllhttp.a")
else()
    message(FATAL_ERROR "llhttp 9.2 or newer was not found. Run script/setup, which installs it or "
        "puts it into build/deps/llhttp; or install libllhttp-dev yourself.")
endif()

add_library(dify_http OBJECT
    src/http/clock.c
    src/http/connection.c
    src/http/exchange.c
    src/http/fields.c
    src/http/head.c
    src/http/multipart.c
    src/http/params.c
    src/http/part_head.c
    src/http/response.c
    src/http/server.c
    src/http/spares.c
    src/http/sse_out.c
    src/http/taking.c
    src/http/target.c
    src/http/timer.c
    src/http/uri.c)
target_link_libraries(dify_http PUBLIC dify_flags dify_llhttp PkgConfig::DIFY_UV)

add_library(dify_conf OBJECT
    src/conf/api_key.c
    src/conf/base_url.c
    src/conf/file.c
    src/conf/text.c
    src/conf/units.c
    src/conf/yaml.c)
target_link_libraries(dify_conf PUBLIC dify_flags PkgConfig::DIFY_YAML)

add_library(dify_sim OBJECT
    src/sim/about.c
    src/sim/arena.c
    src/sim/blocking.c
    src/sim/catalogue.c
    src/sim/cutter.c
    src/sim/describe.c
    src/sim/faults.c
    src/sim/feedback.c
    src/sim/forms.c
    src/sim/loader.c
    src/sim/match.c
    src/sim/messages.c
    src/sim/parameter.c
    src/sim/payload.c
    src/sim/read.c
    src/sim/plan.c
    src/sim/play.c
    src/sim/recording.c
    src/sim/reply.c
    src/sim/routes.c
    src/sim/row.c
    src/sim/run.c
    src/sim/scenario.c
    src/sim/sim.c
    src/sim/snapshot.c
    src/sim/start.c
    src/sim/stream.c
    src/sim/tally.c
    src/sim/template.c
    src/sim/text.c
    src/sim/truth.c
    src/sim/upload.c
    src/sim/visit.c
    src/sim/weave.c)
target_link_libraries(dify_sim PUBLIC dify_flags dify_yyjson PkgConfig::DIFY_UV
    PkgConfig::DIFY_YAML)
