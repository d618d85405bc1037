// The language as a whole: fleets, templates, references, imports, and what is refused.
#include <gtest/gtest.h>

#include "compiler/compiler_test_support.h"

namespace hv::compiler {
namespace {

const char* const kFleet = R"(# fleet.vm
from "hosts.vm" import racks
from "base.vm"  import debian

param replicas: int(1..16) = 3
param env: "dev" | "prod" = "dev"

pool fast on xen1:
    devices = ["phy:/dev/sda10", "phy:/dev/sdb1"]
    extent  = 64MiB

vdisk rescue in fast:
    size = 1GiB

template web(debian):
    vcpus  = 2
    memory = 512MiB
    maxmem = memory * 4

for i in range(replicas):
    vdisk f"web{i}-root" in fast:
        size = 8GiB

    domain f"web{i}"(web) on xen1:
        disk = [
            vbd(vdisk[f"web{i}-root"], "xvda", "w"),
            vbd(rescue, "xvde", "r"),
            "phy:vg0/logs%d,xvdf,w" % i,
        ]
        vif  = ["bridge=xenbr0"]
        lifecycle:
            protect = True
            on_restart_needed = "defer"

assert replicas % 2 == 1, "an odd number of web servers, for the quorum"
moved domain.www0 -> domain.web0
)";

Case fleet() {
  Case setup;
  setup.files["main.vm"] = kFleet;
  setup.files["hosts.vm"] = "racks = {\"a\": [\"xen1\"]}\n";
  setup.files["base.vm"] =
      "template debian:\n    kernel = \"/boot/vmlinuz\"\n    vcpus = 1\n    extra = \"quiet\"\n";
  return setup;
}

TEST(Compile, TheFleetOfTheReference) {
  const Compiled done = compile_setup(fleet());
  EXPECT_EQ(done.complaints(), "");
  EXPECT_EQ(done.graph.resources().size(), 8u);
  const DomainSpec* web1 = done.domain("web1");
  ASSERT_NE(web1, nullptr);
  EXPECT_EQ(attribute_text(*web1, "memory"), "512 MiB");
  EXPECT_EQ(attribute_text(*web1, "maxmem"), "2 GiB");
  EXPECT_EQ(attribute_text(*web1, "vcpus"), "2");
  EXPECT_EQ(attribute_text(*web1, "kernel"), "/boot/vmlinuz");
  EXPECT_EQ(web1->host.text, "xen1");
  EXPECT_TRUE(web1->lifecycle.protect);
  EXPECT_EQ(web1->lifecycle.on_restart_needed, OnRestartNeeded::defer);
  ASSERT_EQ(web1->vbds.size(), 3u);
  EXPECT_EQ(web1->vbds[0].backend, "vd");
  EXPECT_EQ(web1->vbds[0].source, "web1-root");
  EXPECT_EQ(web1->vbds[0].mode, AccessMode::write);
  EXPECT_EQ(web1->vbds[1].mode, AccessMode::read);
  EXPECT_EQ(web1->vbds[2].source, "vg0/logs1");
  ASSERT_EQ(web1->vifs.size(), 1u);
  EXPECT_EQ(web1->vifs[0].settings.at("bridge"), "xenbr0");
  const auto* root = done.graph.get<VdiskSpec>(Address{Kind::vdisk, "web1-root"});
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(root->size, gib(8));
  EXPECT_EQ(root->pool.name, "fast");
  ASSERT_EQ(done.graph.moved.size(), 1u);
  EXPECT_EQ(done.graph.moved[0].to.name, "web0");
  EXPECT_EQ(done.graph.inputs.size(), 4u);  // hv.toml and three files
  // rescue, its pool and the root come before the domain
  const auto order = done.graph.in_dependency_order();
  const auto at = [&](Kind kind, const char* name) {
    return std::find(order.begin(), order.end(), Address{kind, name}) - order.begin();
  };
  EXPECT_LT(at(Kind::pool, "fast"), at(Kind::vdisk, "rescue"));
  EXPECT_LT(at(Kind::vdisk, "rescue"), at(Kind::domain, "web1"));
}

TEST(Compile, ParametersOfTheCommandLine) {
  Case setup = fleet();
  setup.params["replicas"] = {"5"};
  const Compiled five = compile_setup(setup);
  EXPECT_EQ(five.complaints(), "");
  EXPECT_NE(five.domain("web4"), nullptr);
  EXPECT_EQ(five.graph.params.at("replicas"), "5");

  const std::pair<const char*, const char*> bad[] = {
      {"99", "-p replicas: 99 is not within int(1..16)"},
      {"two", "-p replicas: expected int(1..16), found str \"two\""},
      {"1+1", "-p replicas: expected int(1..16), found str \"1+1\""},
  };
  for (const auto& [text, message] : bad) {
    setup.params["replicas"] = {text};
    EXPECT_EQ(compile_setup(setup).first_message(), message);
  }
  setup.params["replicas"] = {"2"};
  EXPECT_EQ(compile_setup(setup).first_message(), "an odd number of web servers, for the quorum");
  setup.params = {{"replcas", {"3"}}};
  EXPECT_EQ(compile_setup(setup).first_message(), "no file has a parameter `replcas`");
}

TEST(Compile, TheFirstXmSaidRestartWithYesOrNo) {
  for (const auto& [given, kept] :
       {std::pair{"True", "always"}, {"False", "never"}, {"'onreboot'", "onreboot"}}) {
    const Compiled done =
        compile_text("name = 'a'\nkernel = '/k'\nrestart = " + std::string(given));
    ASSERT_NE(done.domain("a"), nullptr) << done.complaints();
    EXPECT_EQ(attribute_text(*done.domain("a"), "restart"), kept);
  }
}

TEST(Compile, PlainFilesOfXm) {
  const Compiled done = compile_text(R"(
kernel = "/boot/vmlinuz-2.6-xenU"
memory = 64
name = "ExampleDomain"
vif = [ 'mac=00:16:3e:00:00:11, bridge=xenbr0' ]
disk = [ 'phy:hda1,hda1,w' ]
root = "/dev/hda1 ro"
extra = "4"
on_crash = 'restart'
)");
  EXPECT_EQ(done.complaints(), "");
  const DomainSpec* domain = done.domain("ExampleDomain");
  ASSERT_NE(domain, nullptr);
  EXPECT_EQ(attribute_text(*domain, "memory"), "64 MiB");
  EXPECT_EQ(attribute_text(*domain, "on_crash"), "restart");
  ASSERT_EQ(domain->vbds.size(), 1u);
  EXPECT_EQ(domain->vbds[0].device, "hda1");
  EXPECT_EQ(domain->vbds[0].source, "hda1");
  EXPECT_EQ(domain->vbds[0].backend, "");
  ASSERT_EQ(domain->vifs.size(), 1u);
  EXPECT_EQ(domain->vifs[0].settings.at("mac"), "00:16:3e:00:00:11");
  EXPECT_EQ(domain->host.text, "xen1");
}

// `host = …` in the block says what `on` does, also where nothing else says it.
TEST(Compile, TheHostIsSaidInTheBlock) {
  Case setup;
  setup.default_host.clear();
  setup.files["main.vm"] =
      "template web:\n    host = \"xen1\"\n    memory = 1GiB\n    kernel = \"/k\"\n"
      "domain a(web):\n    vcpus = 2\n"
      "domain b(web):\n    host = \"xen-2\"\n"
      "domain c(web) on \"xen-2\":\n    host = f\"xen{1}\"\n"
      "domain d(web):\n    host = None\n";
  const Compiled compiled = compile_setup(setup);
  EXPECT_EQ(compiled.complaints(), "HV0225 main.vm:11: nothing says which host `domain.d` is on\n");
  setup.files["main.vm"] += "    host = \"xen1\"\n";
  const Compiled all = compile_setup(setup);
  EXPECT_EQ(all.complaints(), "");
  EXPECT_EQ(all.domain("a")->host.text, "xen1");
  EXPECT_EQ(all.domain("b")->host.text, "xen-2");
  EXPECT_EQ(all.domain("c")->host.text, "xen1") << "the block comes after its header";
  EXPECT_EQ(all.domain("d")->host.text, "xen1");
}

TEST(Compile, PlainFilesOfXl) {
  const Compiled done = compile_text(R"(name="hvm1"; type = "hvm"
memory = 1024; vcpus = "2"
disk = [ '/dev/vg/guest-volume,raw,xvda,rw', 'format=qcow2, vdev=xvdb, access=r, target=/a,b.qcow2' ]
vif = [ '' ]
serial = "pty"
)");
  EXPECT_EQ(done.complaints(), "");
  const DomainSpec* domain = done.domain("hvm1");
  ASSERT_NE(domain, nullptr);
  EXPECT_EQ(attribute_text(*domain, "type"), "hvm");
  EXPECT_EQ(attribute_text(*domain, "vcpus"), "2");
  ASSERT_EQ(domain->vbds.size(), 2u);
  EXPECT_EQ(domain->vbds[1].source, "/a,b.qcow2");
  EXPECT_EQ(domain->vbds[1].mode, AccessMode::read);
  EXPECT_EQ(domain->vifs.size(), 1u);
}

TEST(Compile, WhatIsKnownOfTypes) {
  const char* const text =
      "param m: size = 1GiB\nparam n: int(1..4) = 2\nx = m * 2\ny = f\"{n}\"\nz = 3\nz = 'a'\n"
      "def f(a: int, b) -> str:\n    return 'x'\n"
      "network lan:\n    bridge = 'b'\n";
  Compiled done;
  const MemoryFiles files(std::map<std::string, std::string>{{"/p/main.vm", text}});
  const Project project = default_project("/p", false);
  CompileRequest request;
  request.roots = path_roots({"main.vm"}, "/p", files, done.diagnostics);
  request.working_directory = "/p";
  request.project = &project;
  request.schema = &Schema::builtin();
  request.files = &files;
  EXPECT_EQ(dump_typed(request, done.sources, done.diagnostics),
            "# main.vm\nf: (a: int, b: any) -> str\nlan: ref[network]\nm: size\nn: int(1..4)\n"
            "x: size\ny: any\nz: any\n");
}

TEST(Compile, AFileThatIsNoConfiguration) {
  Case setup;
  setup.files["main.vm"] = std::string((64u << 20) + 1, ' ');
  EXPECT_EQ(compile_setup(setup).complaints(),
            "HV0406: `main.vm` has more than the 64 MiB of the largest configuration\n");
}

TEST(Compile, SeveralDomainFilesAreNotReachedByParameters) {
  Case setup;
  setup.files["a.cfg"] = "name = 'a'\nkernel = '/k'\nmemory = 64\n";
  setup.files["b.cfg"] = "name = 'b'\nkernel = '/k'\nmemory = 64\n";
  setup.files["m.vm"] = "param size: int = 1\ndomain m:\n    vcpus = size\n";
  setup.roots = {"a.cfg", "b.cfg", "m.vm"};
  setup.params = {{"size", {"3"}}};
  const Compiled done = compile_setup(setup);
  EXPECT_EQ(done.complaints(), "");
  EXPECT_EQ(attribute_text(*done.domain("m"), "vcpus"), "3");
  setup.params = {{"memory", {"128"}}};
  EXPECT_EQ(compile_setup(setup).first_message(), "no file has a parameter `memory`");
  setup.roots = {"a.cfg"};
  const Compiled one = compile_setup(setup);
  EXPECT_EQ(attribute_text(*one.domain("a"), "memory"), "128 MiB");
}

TEST(Compile, ADomainFileWithoutANameIsCalledAfterItsFile) {
  Case setup;
  setup.files["web.xm"] = "memory = 64\nkernel = '/k'\n";
  setup.roots = {"web.xm"};
  const Compiled done = compile_setup(setup);
  EXPECT_EQ(
      done.complaints(true),
      "HV0223 web.xm:1: the file sets no `name`; the domain is called `web` after the file\n");
  EXPECT_NE(done.domain("web"), nullptr);
}

}  // namespace
}  // namespace hv::compiler
