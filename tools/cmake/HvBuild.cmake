# How everything in hv is compiled, and the three words the folders use: hv_library, hv_test,
# hv_embed.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g0")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

set(HV_SANITIZE "" CACHE STRING "address (with UBSan), thread, or empty")
option(HV_WERROR "treat warnings as errors" ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(hv_flags INTERFACE)
target_include_directories(hv_flags INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/generated")
target_compile_options(hv_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Werror=switch -Werror=return-type -fno-semantic-interposition
  # Optimised or instrumented, g++ 12 suspects the insides of std::string and Boost.Graph.
  -Wno-maybe-uninitialized -Wno-restrict)
if(HV_WERROR)
  target_compile_options(hv_flags INTERFACE -Werror)
endif()
if(HV_SANITIZE STREQUAL "address")
  # The checks left out cost four fifths of the compile time and find what -Wall and ASan find too.
  add_compile_options(-O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined
    -fno-sanitize=null,alignment,object-size,vptr -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(HV_SANITIZE STREQUAL "thread")
  add_compile_options(-O1 -g1 -fno-omit-frame-pointer -fsanitize=thread)
  add_link_options(-fsanitize=thread)
endif()

# hv_library(NAME SOURCES … [LINK lower layers …] [PRIVATE_LINK outside libraries …])
# One folder, one static library, one layer: a header of a layer that is not linked may be
# found by the compiler, but its code is not there and tests/tidy_test.cpp refuses the include.
function(hv_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC hv_flags ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()

# hv_test(NAME SOURCES … LINK … [LABELS …] [TIMEOUT seconds]): one GoogleTest program.
function(hv_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} hv_flags GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE HV_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    HV_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# hv_test_with_libxlutil(NAME): this test asks libxlutil itself, where libxen-dev is installed.
find_path(LIBXLUTIL_INCLUDE libxlutil.h)
find_library(LIBXLUTIL xlutil)
find_library(LIBXENLIGHT xenlight)
function(hv_test_with_libxlutil name)
  if(LIBXLUTIL_INCLUDE AND LIBXLUTIL AND LIBXENLIGHT)
    target_compile_definitions(${name} PRIVATE HV_LIBXLUTIL=1)
    target_link_libraries(${name} PRIVATE ${LIBXLUTIL} ${LIBXENLIGHT})
  else()
    target_compile_definitions(${name} PRIVATE HV_LIBXLUTIL=0)
  endif()
endfunction()

# hv_embed(OUTPUT variable_namespace files…): files as a table of (name, text) in a .cpp.
function(hv_embed output symbol)
  set(table "${CMAKE_BINARY_DIR}/generated/${output}")
  string(REPLACE ";" "|" joined "${ARGN}")
  add_custom_command(OUTPUT "${table}"
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${table} -DSYMBOL=${symbol} "-DFILES=${joined}"
            -P "${CMAKE_SOURCE_DIR}/tools/cmake/embed.cmake"
    DEPENDS ${ARGN} "${CMAKE_SOURCE_DIR}/tools/cmake/embed.cmake"
    COMMENT "Embedding ${output}" VERBATIM)
endfunction()

enable_testing()
