# Writes OUTPUT, a .cpp with the texts of FILES ("|" between them) as the table SYMBOL.
string(REPLACE "|" ";" files "${FILES}")
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" text)
  # MSVC's limit does not apply here, but the raw-string delimiter must not occur in the text.
  string(APPEND rows "    {\"${name}\", R\"hv~~(${text})hv~~\"},\n")
endforeach()
file(WRITE "${OUTPUT}.new" "// Generated from the files named below; do not edit.\n#include <span>\n#include <string_view>\n#include <utility>\n\nnamespace hv {\nnamespace {\nconstexpr std::pair<std::string_view, std::string_view> kFiles[] = {\n${rows}};\n}  // namespace\nstd::span<const std::pair<std::string_view, std::string_view>> ${SYMBOL}() {\n  return kFiles;\n}\n}  // namespace hv\n")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
