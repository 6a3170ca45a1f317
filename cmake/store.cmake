# store.cmake: the store of runs (dify_store), over SQLite.

find_package(PkgConfig REQUIRED)
pkg_check_modules(DIFY_SQLITE REQUIRED IMPORTED_TARGET "sqlite3>=3.40")
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(dify_store OBJECT
    src/store/appends.c
    src/store/apply.c
    src/store/check.c
    src/store/db.c
    src/store/log.c
    src/store/prune.c
    src/store/read.c
    src/store/schema.c
    src/store/sent.c
    src/store/store.c
    src/store/sum.c
    src/store/writer.c)
target_link_libraries(dify_store PUBLIC dify_flags PkgConfig::DIFY_SQLITE Threads::Threads)
