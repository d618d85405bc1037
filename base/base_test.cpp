// base: units, ids, source places, digests, diagnostics and their one renderer.
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/render.h"
#include "base/units.h"

namespace hv {
namespace {

TEST(Units, LiteralsAreShortestAndExact) {
  const std::pair<Bytes, const char*> sizes[] = {
      {bytes(0), "0B"},       {bytes(512), "512B"},      {kib(1), "1KiB"},
      {mib(512), "512MiB"},   {gib(1), "1GiB"},          {mib(1536), "1536MiB"},
      {bytes(1000), "1KB"},   {bytes(1'000'000), "1MB"}, {bytes(kTiB), "1TiB"},
      {bytes(1023), "1023B"}, {bytes(kPiB * 3), "3PiB"},
  };
  for (const auto& [size, text] : sizes) {
    EXPECT_EQ(to_literal(size), text);
    EXPECT_EQ(parse_bytes(text), size) << text;
  }
  const std::pair<Duration, const char*> durations[] = {
      {seconds(0), "0s"},    {milliseconds(1500), "1500ms"}, {seconds(90), "90s"},
      {seconds(900), "15m"}, {seconds(86400), "1d"},         {seconds(604800), "1w"},
  };
  for (const auto& [duration, text] : durations) {
    EXPECT_EQ(to_literal(duration), text);
    EXPECT_EQ(parse_duration(text), duration) << text;
  }
}

TEST(Units, ForPeople) {
  EXPECT_EQ(to_human(mib(512)), "512 MiB");
  EXPECT_EQ(to_human(mib(1536)), "1.5 GiB");
  EXPECT_EQ(to_human(bytes(31 * kGiB + 200 * kMiB)), "31.2 GiB");
  EXPECT_EQ(to_human(bytes(0)), "0 B");
  EXPECT_EQ(to_human(milliseconds(600)), "0.6 s");
  EXPECT_EQ(to_human(seconds(12)), "12 s");
  EXPECT_EQ(to_human(seconds(200)), "3 min 20 s");
  EXPECT_EQ(to_human(Time{{0}}), "1970-01-01 00:00:00 UTC");
}

TEST(Units, WhatIsNoSize) {
  for (const char* text : {"", "512", "MiB", "1.5B", "512M", "0x10GiB", "1 2MiB", "99999999PiB",
                           "1..5GiB", "-1MiB", "1gib"})
    EXPECT_FALSE(parse_bytes(text)) << text;
  EXPECT_EQ(parse_bytes("1.5GiB"), mib(1536));
  EXPECT_EQ(parse_bytes("64 GiB"), gib(64));
  for (const char* text : {"", "15", "15min", "1.0001s"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Units, Sectors) {
  EXPECT_EQ(sectors_holding(bytes(0)), sectors(0));
  EXPECT_EQ(sectors_holding(bytes(1)), sectors(1));
  EXPECT_EQ(sectors_holding(bytes(512)), sectors(1));
  EXPECT_EQ(sectors_holding(bytes(513)), sectors(2));
  EXPECT_EQ(to_bytes(sectors(4)), bytes(2048));
  EXPECT_DEATH(Bytes{{INT64_MAX}} + bytes(1), "bug:");
}

TEST(Ids, Uuids) {
  const Uuid dns = *parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(to_string(uuid_v5(dns, "python.org")), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
  EXPECT_EQ(parse_uuid("6BA7B8109DAD11D180B400C04FD430C8"), dns);
  for (const char* text : {"", "6ba7b810", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
                           "6ba7b810+9dad-11d1-80b4-00c04fd430c8"})
    EXPECT_FALSE(parse_uuid(text)) << text;
  SeededRandom random(1);
  const std::string text = to_string(uuid_v4(random));
  EXPECT_EQ(text[14], '4');
  EXPECT_NE(uuid_v4(random), uuid_v4(random));
}

TEST(Ids, Addresses) {
  EXPECT_EQ(parse_address("domain.This is VM 3"), (Address{Kind::domain, "This is VM 3"}));
  EXPECT_EQ(parse_address("vdisk.a.b"), (Address{Kind::vdisk, "a.b"}));
  for (const char* text : {"", "domain", "domain.", "host.x", "domain.a/b", "domain.a\nb"})
    EXPECT_FALSE(parse_address(text)) << text;
  EXPECT_FALSE(
      reason_name_is_bad("w\xc3\xa9"
                         "b"));
  EXPECT_TRUE(reason_name_is_bad("\xff"));
  EXPECT_FALSE(reason_name_is_bad(std::string(255, 'a')));
  EXPECT_TRUE(reason_name_is_bad(std::string(256, 'a')));
  EXPECT_TRUE(reason_name_is_bad("\xc2\x85"));
}

TEST(Hash, KnownDigests) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Clock, LogicalTimeMovesOnlyWhenSlept) {
  LogicalClock clock(Time{{5}});
  EXPECT_EQ(clock.now(), Time{{5}});
  clock.sleep(seconds(2));
  EXPECT_EQ(since(Time{{5}}, clock.now()), seconds(2));
  SeededRandom a(7), b(7);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Source, Places) {
  SourceMap sources;
  const FileId file = sources.add("a.vm", "one\r\ntwo\rthree\n\xc3\xa9x");
  EXPECT_EQ(to_string(sources.place(file, 0)), "a.vm:1:1");
  EXPECT_EQ(to_string(sources.place(file, 5)), "a.vm:2:1");
  EXPECT_EQ(to_string(sources.place(file, 9)), "a.vm:3:1");
  EXPECT_EQ(to_string(sources.place(file, 17)), "a.vm:4:2");  // after one code point of two bytes
  EXPECT_EQ(sources.line(file, 2), "two");
  EXPECT_EQ(to_string(sources.place(file, 4000)), "a.vm:4:3");
  const FileId marked = sources.add("bom.vm", "\xef\xbb\xbfx = 1\n");
  EXPECT_EQ(to_string(sources.place(marked, 3)), "bom.vm:1:1");
  // And back.
  for (const uint32_t at : {0u, 2u, 5u, 9u, 13u, 15u, 17u, 18u}) {
    const Place place = sources.place(file, at);
    EXPECT_EQ(sources.offset(file, place.line, place.column), at) << to_string(place);
  }
  EXPECT_EQ(sources.offset(marked, 1, 1), 3u);
  EXPECT_EQ(sources.offset(file, 1, 99), 3u) << "no further than the line's end";
  EXPECT_EQ(sources.offset(file, 99, 1), 18u) << "nor the file's";
  EXPECT_EQ(sources.find("bom.vm"), marked);
  EXPECT_FALSE(sources.find("c.vm").valid());
}

TEST(Diagnostics, NearestIsASlipOfTheFingers) {
  const std::string_view words[] = {"memory", "maxmem", "vcpus", "disk"};
  EXPECT_EQ(nearest("memroy", words), "memory");
  EXPECT_EQ(nearest("Memory", words), "memory");
  EXPECT_EQ(nearest("vcpu", words), "vcpus");
  EXPECT_EQ(nearest("dsik", words), "disk");
  EXPECT_FALSE(nearest("kernel", words));
  EXPECT_FALSE(nearest("dxxk", words));
}

TEST(Codes, AreFoundByTheirId) {
  EXPECT_EQ(code_from_id("HV0203"), Code::unknown_attribute);
  EXPECT_EQ(code_from_id("hv0203"), Code::unknown_attribute);
  EXPECT_FALSE(code_from_id("HV9999"));
  EXPECT_FALSE(code_from_id("203"));
  for (const CodeInfo& code : all_codes()) EXPECT_EQ(code_from_id(code.id), code.code);
}

Diagnostic misspelt(FileId file) {
  Diagnostic diagnostic;
  diagnostic.code = Code::unknown_attribute;
  diagnostic.severity = Severity::error;
  diagnostic.message = "unknown attribute `memroy` in domain `web0`";
  diagnostic.primary = {file, 14, 20};
  diagnostic.primary_label = "did you mean `memory`?";
  diagnostic.help = "hv explain HV0203";
  return diagnostic;
}

TEST(Render, ASnippetWithCarets) {
  SourceMap sources;
  const FileId file = sources.add("fleet.vm", "domain a:\n    memroy = 512MiB\n");
  EXPECT_EQ(render_text(misspelt(file), sources),
            "error[HV0203]: unknown attribute `memroy` in domain `web0`\n"
            " --> fleet.vm:2:5\n"
            "  |\n"
            "2 |     memroy = 512MiB\n"
            "  |     ^^^^^^ did you mean `memory`?\n"
            "  |\n"
            "  = help: hv explain HV0203\n");
  EXPECT_NE(render_text(misspelt(file), sources, {.color = true}).find("\x1b[1;31m"),
            std::string::npos);
}

TEST(Render, RelatedPlacesAndNotes) {
  SourceMap sources;
  const FileId file = sources.add("web.vm", "\tdisk\n");
  const FileId other = sources.add("backup.cfg", std::string(40, '\n') + "disk = 1\n");
  Diagnostic diagnostic;
  diagnostic.code = Code::unsafe_write_sharing;
  diagnostic.severity = Severity::error;
  diagnostic.message = "two domains would write the same sectors";
  diagnostic.primary = {file, 1, 5};
  diagnostic.primary_label = "web0 writes here";
  diagnostic.related.push_back({{other, 40, 44}, "and backup here"});
  diagnostic.notes.push_back("overlap: 2 GiB\non sda");
  EXPECT_EQ(render_text(diagnostic, sources),
            "error[HV0501]: two domains would write the same sectors\n"
            "  --> web.vm:1:2\n"
            "   |\n"
            " 1 |         disk\n"
            "   |         ^^^^ web0 writes here\n"
            "  ::: backup.cfg:41:1\n"
            "41 | disk = 1\n"
            "   | ^^^^ and backup here\n"
            "   |\n"
            "   = overlap: 2 GiB\n"
            "     on sda\n");
}

TEST(Render, HostileLinesStaySmallAndHarmless) {
  SourceMap sources;
  std::string text(1'000'000, 'a');
  text[500'000] = '\x1b';
  const FileId file = sources.add("big.vm", text);
  Diagnostic diagnostic = misspelt(file);
  diagnostic.primary = {file, 500'000, 500'001};
  const std::string rendered = render_text(diagnostic, sources);
  EXPECT_LT(rendered.size(), 2000u);
  EXPECT_EQ(rendered.find('\x1b'), std::string::npos);
  EXPECT_NE(rendered.find("…"), std::string::npos);
}

TEST(Render, WithoutAPlace) {
  SourceMap sources;
  Diagnostics diagnostics;
  diagnostics.report(Error{Code::file_unreadable, "cannot read `x.vm`", "is the path right?"},
                     "x.vm");
  EXPECT_EQ(render_text(diagnostics, sources),
            "error[HV0401]: cannot read `x.vm`\n"
            " --> x.vm\n"
            "  = help: is the path right?\n");
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(Render, Json) {
  SourceMap sources;
  const FileId file = sources.add("f.vm", "domain a:\n    memroy = 5\n\xff\n");
  Diagnostics diagnostics;
  diagnostics.report(misspelt(file));
  const std::string json = render_json(diagnostics, sources);
  for (const char* part :
       {"\"format\": \"hv.diagnostics/1\"", "\"code\": \"HV0203\"", "\"line\": 2", "\"column\": 5",
        "\"end_column\": 11", "\"severity\": \"error\""})
    EXPECT_NE(json.find(part), std::string::npos) << part << "\n" << json;
}

}  // namespace
}  // namespace hv
