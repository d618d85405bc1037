#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/ids.h"
#include "base/render.h"
#include "base/units.h"
namespace hv {
TEST(Units, Literal) {
  EXPECT_EQ(to_literal(mib(1536)), "1536MiB");
  EXPECT_EQ(to_literal(bytes(1000)), "1KB");
}
TEST(Ids, Uuid) {
  EXPECT_EQ(to_string(uuid_v5(*parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), "python.org")),
            "886313e1-3b8a-5372-9b90-0c9aee199e5d");
}
TEST(Render, Text) {
  SourceMap sources;
  Diagnostics ds;
  FileId f = sources.add("fleet.vm", "a = 1\n    memroy = 512MiB\n");
  ds.report(Code::unknown_attribute, {f, 10, 16}, "unknown attribute `memroy` in domain `web0`")
      .help = "hv explain HV0203";
  EXPECT_EQ(render_text(ds, sources), "");
}
}  // namespace hv
