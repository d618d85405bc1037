#include "lsp/text.h"

#include <gtest/gtest.h>

namespace hv::lsp {
namespace {

constexpr Encoding kAll[] = {Encoding::utf8, Encoding::utf16, Encoding::utf32};

TEST(TextLines, PlacesInEveryEncoding) {
  struct Case {
    std::string text;
    uint32_t offset;
    uint32_t line, utf8, utf16, utf32;
  };
  const std::string euro = "\xe2\x82\xac";      // one unit of UTF-16
  const std::string clef = "\xf0\x9d\x84\x9e";  // two
  const Case cases[] = {
      {"", 0, 0, 0, 0, 0},
      {"abc", 2, 0, 2, 2, 2},
      {"a\nbc\n", 3, 1, 1, 1, 1},
      {"a\nbc\n", 5, 2, 0, 0, 0},
      {"a\r\nbc", 4, 1, 1, 1, 1},
      {"a\rbc", 3, 1, 1, 1, 1},
      {"\xc3\xa9x", 2, 0, 2, 1, 1},
      {euro + "x", 3, 0, 3, 1, 1},
      {clef + "x", 4, 0, 4, 2, 1},
      {"\n" + clef + euro + clef, 12, 1, 11, 5, 3},
      {"\xff\xfex", 2, 0, 2, 2, 2},         // no UTF-8: a unit each
      {"\xe2\x82", 2, 0, 2, 2, 2},          // cut off
      {"\xf5\x80\x80\x80", 4, 0, 4, 4, 4},  // beyond Unicode
  };
  for (const Case& each : cases) {
    const uint32_t columns[] = {each.utf8, each.utf16, each.utf32};
    for (int i = 0; i < 3; ++i) {
      const TextLines lines(each.text, kAll[i]);
      const Position position{each.line, columns[i]};
      EXPECT_EQ(lines.position(each.offset), position) << each.text << " " << to_string(kAll[i]);
      EXPECT_EQ(lines.offset(position), each.offset) << each.text << " " << to_string(kAll[i]);
    }
  }
}

TEST(TextLines, ThereAndBackAtEveryCharacter) {
  const std::string text = "a = \"\xf0\x9d\x84\x9e\xe2\x82\xac\"\r\n\n# \xc3\xa9\xff\nlast";
  for (const Encoding encoding : kAll) {
    const TextLines lines(text, encoding);
    for (uint32_t at = 0; at <= text.size(); ++at) {
      const uint32_t there = lines.offset(lines.position(at));
      // Within a character or a line's end: where that begins.
      EXPECT_LE(there, at);
      EXPECT_LE(at - there, 3u);
      EXPECT_EQ(lines.offset(lines.position(there)), there);
    }
  }
}

TEST(TextLines, PlacesThatAreNotThere) {
  const std::string text = "ab\n\xf0\x9d\x84\x9e\ncd";
  const TextLines lines(text);
  EXPECT_EQ(lines.offset({0, 99}), 2u);           // behind a line: its end
  EXPECT_EQ(lines.offset({99, 0}), text.size());  // behind the text: its end
  EXPECT_EQ(lines.offset({1, 1}), 3u);            // between two surrogates: before them
  EXPECT_EQ(lines.offset({INT32_MAX, INT32_MAX}), text.size());
  EXPECT_EQ(lines.position(1000), (Position{2, 2}));
}

TEST(TextLines, NamesOfEncodings) {
  for (const Encoding each : kAll) EXPECT_EQ(encoding_from(to_string(each)), each);
  EXPECT_EQ(encoding_from("utf-7"), std::nullopt);
}

TEST(Uri, PathsAndBack) {
  struct Case {
    const char* uri;
    std::optional<std::string> path;
  };
  const Case cases[] = {
      {"file:///a/b.vm", "/a/b.vm"},
      {"file:///a%20b/%C3%A9.vm", "/a b/\xc3\xa9.vm"},
      {"file://localhost/a.vm", "/a.vm"},
      {"file:///c%3a/x", "/c:/x"},
      {"file:///bad%zz%2", "/bad%zz%2"},
      {"file:///a%00b", std::nullopt},
      {"file://", std::nullopt},
      {"untitled:Untitled-1", std::nullopt},
      {"", std::nullopt},
  };
  for (const Case& each : cases) EXPECT_EQ(path_of_uri(each.uri), each.path) << each.uri;
  for (const std::string path : {"/a/b.vm", "/a b/\xc3\xa9#?%.vm", "/\xff"})
    EXPECT_EQ(path_of_uri(uri_of_path(path)), path);
}

}  // namespace
}  // namespace hv::lsp
