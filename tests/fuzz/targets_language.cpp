// The parser of .vm files, disk and interface strings, numbers and quantities.
#include "base/diagnostics.h"
#include "base/ids.h"
#include "base/source.h"
#include "base/units.h"
#include "hv/schema/project.h"
#include "lang/device_strings.h"
#include "lang/disk_string.h"
#include "lang/dump.h"
#include "lang/fuzz/fuzz_parse.h"
#include "lang/numbers.h"
#include "lang/parse.h"
#include "lang/sxp.h"
#include "lang/vif_string.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/unparse.h"

namespace hv::fuzz {

namespace {

std::string first_difference(const std::string& a, const std::string& b) {
  std::size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  const std::size_t from = at < 40 ? 0 : at - 40;
  return "…" + a.substr(from, 120) + "… against …" + b.substr(from, 120) + "…";
}

std::string run_vm(std::string_view input) {
  lang::fuzz_one({reinterpret_cast<const uint8_t*>(input.data()), input.size()});
  SourceMap sources;
  const FileId file = sources.add("a.vm", std::string(input));
  Diagnostics diagnostics;
  const lang::SyntaxTree tree = lang::parse(file, sources, diagnostics);
  // A fix that is offered lies in the text and changes it.
  for (const Diagnostic& each : diagnostics.all())
    if (each.fix && sources.text(each.fix->span) == each.fix->replacement)
      return "a fix that changes nothing: " + each.message;
  if (tree.broken) return "";
  const std::string text = unparse(tree);
  const FileId again_file = sources.add("b.vm", text);
  Diagnostics again;
  const lang::SyntaxTree second = lang::parse(again_file, sources, again);
  // Brackets that the writer adds may nest deeper than is allowed.
  if (again.has_errors()) {
    for (const Diagnostic& each : again.all())
      if (each.code == Code::nesting_too_deep || each.code == Code::statement_too_long) return "";
    return "what was written again has mistakes: " + again.all()[0].message + " in\n" + text;
  }
  const std::string one = lang::dump_tree(tree, sources, {.places = false});
  const std::string two = lang::dump_tree(second, sources, {.places = false});
  return one == two ? "" : "another tree after writing it again: " + first_difference(one, two);
}

std::string check_mistakes(const std::vector<lang::StringMistake>& mistakes, std::size_t size) {
  for (const lang::StringMistake& each : mistakes) {
    if (each.begin > each.end || each.end > size) return "a mistake outside the string";
    if (each.message.empty()) return "a mistake without words";
  }
  return "";
}

std::string run_disk(std::string_view input) {
  const lang::DiskResult result = lang::parse_disk_string(input);
  if (std::string wrong = check_mistakes(result.mistakes, input.size()); !wrong.empty())
    return wrong;
  if (!result.disk) return result.mistakes.empty() ? "neither a disk nor a mistake" : "";
  const lang::DiskString& disk = *result.disk;
  for (const auto& [begin, end] : {disk.target_at, disk.vdev_at, disk.access_at})
    if (begin > end || end > input.size()) return "a part outside the string";
  if (!result.mistakes.empty()) return "";
  // In its plainest form it is the same disk.
  std::string plain;
  const auto add = [&](const std::string& key, const std::string& value) {
    if (!value.empty()) plain += key + "=" + value + ",";
  };
  if (disk.format != "empty") add("format", disk.format);
  add("vdev", disk.vdev);
  switch (disk.access) {
    case lang::DiskString::Access::read:
      add("access", "r");
      break;
    case lang::DiskString::Access::write:
      add("access", "w");
      break;
    case lang::DiskString::Access::write_shared:
      add("access", "w!");
      break;
  }
  if (disk.cdrom) add("devtype", "cdrom");
  const bool open_backend = disk.backend.empty() || disk.backend == "file";
  if (!open_backend || !disk.script.empty() || !disk.options.empty()) return "";
  // What the plain form cannot say: an empty vdev, and a comma at the end.
  if (disk.vdev.empty() || disk.target.ends_with(',')) return "";
  plain += "target=" + disk.target;
  const lang::DiskResult again = lang::parse_disk_string(plain);
  if (!again.disk) return "its plain form is no disk: " + plain;
  if (again.disk->vdev != disk.vdev || again.disk->access != disk.access ||
      again.disk->cdrom != disk.cdrom)
    return "its plain form is another disk: " + plain;
  return "";
}

std::string run_vif(std::string_view input) {
  const lang::VifResult result = lang::parse_vif_string(input);
  if (std::string wrong = check_mistakes(result.mistakes, input.size()); !wrong.empty())
    return wrong;
  if (!result.vif) return result.mistakes.empty() ? "neither an interface nor a mistake" : "";
  if (!result.mistakes.empty()) return "";
  std::string plain;
  for (const auto& [key, value] : result.vif->settings)
    plain += (plain.empty() ? "" : ",") + key + "=" + value;
  const lang::VifResult again = lang::parse_vif_string(plain);
  if (!again.vif || again.vif->settings != result.vif->settings)
    return "its plain form is another interface: " + plain;
  return "";
}

std::string run_quantity(std::string_view input) {
  if (const auto size = parse_bytes(input))
    if (parse_bytes(to_literal(*size)) != size) return "a size that is another when written again";
  if (const auto time = parse_duration(input))
    if (parse_duration(to_literal(*time)) != time)
      return "a duration that is another when written again";
  if (const auto uuid = parse_uuid(input))
    if (parse_uuid(to_string(*uuid)) != uuid) return "a UUID that is another when written again";
  if (const auto address = parse_address(input))
    if (parse_address(to_string(*address)) != address)
      return "an address that is another when written again";
  if (const auto budget = parse_budget(input)) {
    const auto again = parse_budget(to_string(*budget));
    if (!again || again->amount != budget->amount || again->percent != budget->percent)
      return "a budget that is another when written again";
  }
  if (input.empty() || input.size() > 1'000) return "";
  const std::size_t length = lang::number_length(input);
  if (length > input.size()) return "a number longer than its text";
  const bool digit = input[0] >= '0' && input[0] <= '9';
  if (!digit || length == 0) return "";
  const lang::Number number = lang::read_number(input.substr(0, length));
  if (number.mistake) return number.mistake->message.empty() ? "a mistake without words" : "";
  if (number.kind == lang::TokenKind::size) {
    const std::string literal = to_literal(number.size);
    const lang::Number again = lang::read_number(literal);
    if (again.mistake || again.size != number.size)
      return "a size literal that changes: " + literal;
  }
  if (number.kind == lang::TokenKind::duration) {
    const std::string literal = to_literal(number.duration);
    const lang::Number again = lang::read_number(literal);
    if (again.mistake || again.duration != number.duration)
      return "a duration literal that changes: " + literal;
  }
  return "";
}

std::string run_device(std::string_view input) {
  for (const lang::DeviceGrammar grammar : lang::kDeviceGrammars) {
    const lang::DeviceString device = lang::parse_device_string(grammar, input);
    for (const auto* mistakes : {&device.mistakes, &device.ignored})
      if (std::string wrong = check_mistakes(*mistakes, input.size()); !wrong.empty()) return wrong;
  }
  return "";
}

// The list again, in the plainest spelling.
void write_sxp(const lang::Sxp& node, std::string& out) {
  if (!node.is_list) {
    out += '"';
    for (const char c : node.text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
    return;
  }
  out += '(';
  for (const lang::Sxp& item : node.items) {
    write_sxp(item, out);
    out += ' ';
  }
  out += ')';
}

std::string written_again(const std::vector<lang::Sxp>& forms) {
  std::string out;
  for (const lang::Sxp& form : forms) {
    write_sxp(form, out);
    out += '\n';
  }
  return out;
}

std::string run_sxp(std::string_view input) {
  SourceMap sources;
  Diagnostics diagnostics;
  const FileId file = sources.add("a.sxp", std::string(input));
  const std::vector<lang::Sxp> forms = lang::parse_sxp(file, sources, diagnostics);
  for (const lang::Sxp& form : forms)
    if (form.span.begin > form.span.end || form.span.end > input.size())
      return "a form outside the text";
  if (diagnostics.has_errors()) return "";
  const std::string text = written_again(forms);
  Diagnostics again;
  const FileId second = sources.add("b.sxp", text);
  const std::vector<lang::Sxp> same = lang::parse_sxp(second, sources, again);
  if (again.has_errors()) return "what was written again has mistakes: " + again.all()[0].message;
  const std::string twice = written_again(same);
  return twice == text ? "" : "another text when written again: " + first_difference(text, twice);
}

}  // namespace

std::vector<Target> language_targets() {
  Target vm{"vm", "parse, write again, parse: the same tree", run_vm, {}, {}, {}};
  for (const char* folder : {"tests/lang", "examples", "lang/fuzz/seeds"})
    for (const char* suffix : {".vm", ".cfg"})
      for (std::string& text : texts_below(folder, suffix)) vm.seeds.push_back(std::move(text));
  vm.words = {"(",
              ")",
              "[",
              "]",
              "{",
              "}",
              ":",
              "\n",
              "\n    ",
              "\"",
              "'",
              "\"\"\"",
              "f\"",
              "=",
              ",",
              ";",
              "\\\n",
              "#",
              "if ",
              "else",
              "elif ",
              "domain ",
              "vdisk ",
              "pool ",
              "template ",
              "schema ",
              "param ",
              "moved ",
              "network ",
              " in ",
              " on ",
              "lambda ",
              "lifecycle",
              "print ",
              "try:",
              "except ",
              "finally:",
              "not ",
              "and ",
              "or ",
              " is ",
              "\r\n",
              "\t",
              "`",
              "->",
              "?",
              "..",
              "**",
              "//",
              "==",
              "<>",
              "+=",
              "&&",
              "||",
              "!",
              "$x",
              "${x}",
              "512MiB",
              "1.5h",
              "0755",
              "10L",
              "1e3",
              "08",
              "512 MB",
              "\xff",
              "“",
              "”",
              "\xc2\xa0",
              "f\"{x!r:>{w}}\"",
              "r'\\d'",
              "u'é'",
              "b'x'",
              "while ",
              "for x in ",
              "def f(a, b=1, *c, **d):",
              "return ",
              "global x",
              "del x",
              "assert ",
              "raise ",
              "import os",
              "from 'a' import b",
              "true",
              "else if ",
              "then",
              "{\n",
              "}\n",
              "None",
              "True"};
  Target disk{"disk", "disk strings, and their plain form", run_disk, {}, {}, {}};
  disk.seeds = {"phy:/dev/vg0/a,xvda,w",
                "file:/srv/a.img,hda,r",
                "tap:aio:/srv/a,xvdb,w!",
                "format=qcow2, vdev=xvda, access=rw, target=/srv/a b,c",
                "/dev/x,raw,hdc:cdrom,ro",
                ",,hdc:cdrom",
                "vd:3,sda1,w",
                "script=block-x,vdev=a,target=q",
                "phy:hdc,hdc,r",
                "cdrom,discard,direct-io-safe,vdev=xvdc,target=/x",
                "iscsi:iqn,raw,xvda"};
  disk.words = {"phy:",   "file:",    "tap:",     "tap2:",        "aio:",       "ioemu:", "raw:",
                "qcow2:", "vhd:",     "nbd:",     "vd:",          ",",          "=",      ":",
                "vdev=",  "target=",  "format=",  "access=",      "script=",    "cdrom",  "discard",
                "r",      "w",        "w!",       "ro",           "rw",         "xvda",   "hda",
                "sda1",   "devtype=", "backend=", "backendtype=", "no-discard", " ",      "\xff",
                "a:b",    "C:/x",     "/"};
  Target vif{"vif", "interface strings, and their plain form", run_vif, {}, {}, {}};
  vif.seeds = {"mac=00:16:3e:00:00:01,bridge=xenbr0",
               "ip=10.0.0.1, script=vif-bridge",
               "model=e1000,type=ioemu,rate=10Mb/s@20ms",
               "bridge=a,mtu=9000,vlan=3",
               "",
               " "};
  vif.words = {"mac=",        "bridge=",  "ip=",        "script=", "model=",
               "type=",       "rate=",    "vifname=",   "mtu=",    "backend=",
               "gatewaydev=", ",",        "=",          ":",       "00:16:3e:11:22:33",
               "xenbr0",      "10.0.0.1", "1GB/s@50ms", " ",       "\xff",
               "trusted=",    "devid=",   "aa-bb"};
  Target quantity{
      "quantity", "sizes, durations, UUIDs, addresses, budgets, numbers", run_quantity, {}, {}, {}};
  quantity.seeds = {"64GiB",
                    "1.5 GiB",
                    "4096B",
                    "500ms",
                    "2m",
                    "1w",
                    "10%",
                    "3",
                    "domain.web0",
                    "domain.This is VM 3",
                    "vdisk.a/b",
                    "0x1fL",
                    "0755",
                    "1e308",
                    "9223372036854775807B",
                    "0.001KB",
                    "6fa459ea-ee8a-3ca4-894e-db77e160355e"};
  quantity.words = {"KiB",     "MiB",
                    "GiB",     "TiB",
                    "PiB",     "KB",
                    "B",       "ms",
                    "s",       "m",
                    "h",       "d",
                    "w",       ".",
                    "e+",      "e-",
                    "_",       "0x",
                    "0o",      "0b",
                    "L",       "%",
                    "-",       "9",
                    "0",       "99999999999999999999",
                    "domain.", "pool.",
                    "network."};
  Target device{"device",   "CPU sets, PCI, USB, SCSI, TPM, serial and channel strings",
                run_device, {},
                {},         {}};
  device.seeds = {"0-3,^2,nodes:1",
                  "0000:03:00.0@1f,msitranslate=1,seize=0",
                  "bdf=3:0.*,vslot=10,rdm_policy=strict",
                  "type=pv,version=2,ports=4",
                  "hostbus=1,hostaddr=3,controller=0",
                  "vnc=1,vnclisten=0.0.0.0:1,vncpasswd=x",
                  "/dev/sdb,0:0:0:0,dom1",
                  "backend=t,uuid=ac0a5b9e-cbe2-4c07-b43b-1d69e46fb839",
                  "tcp:127.0.0.1:4555,server",
                  "connection=socket,path=/run/x,name=a"};
  device.words = {
      ",", "=", "-", "^",    ":",     ".",      "*",     "@",     "all", "node:", "host",       "0",
      "9", "f", " ", "bdf=", "name=", "seize=", "type=", "uuid=", "pty", "unix:", "connection="};
  Target sxp{"sxp", "what xend printed: read, write again, read", run_sxp, {}, {}, {}};
  sxp.seeds = {
      "(domain (domid 3) (name 'web one') (memory 256) (cpus ((0 1) (2)))\n"
      " (image (linux (kernel /boot/vmlinuz) (args 'console=hvc0 \\'4\\' \\x41')))\n"
      " (device (vbd (uname phy:/dev/vg/a) (dev xvda:disk) (mode w)))\n"
      " (device (pci (dev (bus 0x01) (slot 0x13) (opts ((seize 1)))))))\n",
      "# a comment\n(vm (name \"a\\n\\101\") (on_crash restart) (features ))\n(vm)\n"};
  sxp.words = {"(",  ")", "'",      "\"",       "\\",           "\\x4", "\\7", "#",
               "\n", " ", "(name ", "(device ", "(image (hvm ", "()",   "'' ", "\xff"};
  return {std::move(vm),       std::move(disk),   std::move(vif),
          std::move(quantity), std::move(device), std::move(sxp)};
}

}  // namespace hv::fuzz
