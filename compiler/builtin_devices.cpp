// vbd(…) and vif(…): disks and interfaces from arguments, by the grammars of their strings.
#include "compiler/convert.h"
#include "compiler/interp.h"
#include "lang/disk_string.h"
#include "lang/vif_string.h"

namespace hv::compiler {

namespace {

V raise_mistakes(Call& call, const std::vector<lang::StringMistake>& mistakes, Code code) {
  return call.interp.raise(call.span, code, mistakes.front().message, mistakes.front().help);
}

}  // namespace

V builtin_vbd(Call& call) {
  std::vector<V> parts = call.positional;
  std::map<std::string, V> keys;
  for (auto& [name, value] : call.keywords) keys[name] = value;
  const auto part = [&](std::size_t i, const char* name) -> V {
    if (i < parts.size()) return parts[i];
    auto it = keys.find(name);
    if (it == keys.end()) return V::failed();
    V v = it->second;
    keys.erase(it);
    return v;
  };
  const V source = part(0, "source"), device = part(1, "device");
  V mode = part(2, "mode");
  if (mode.is_failed()) mode = V::string("w");
  if (source.is_failed() || device.is_failed() || parts.size() > 3)
    return call.interp.raise(call.span, "TypeError", "write it as `vbd(source, \"xvda\", \"w\")`");
  if (!device.is(Tag::string) || !mode.is(Tag::string))
    return call.interp.raise(call.span, "TypeError",
                             "the device and the mode of a vbd are strings");
  VbdObject* made = nullptr;
  V v = make(Tag::vbd, made);
  made->span = call.span;
  std::string text = "vdev=" + device.text() + ",access=" + mode.text();
  for (const auto& [name, value] : keys) {
    if (value.is(Tag::boolean)) {
      if (value.integer() != 0) text += "," + name;
      continue;
    }
    if (!value.is(Tag::string) && !value.is_number())
      return call.interp.raise(call.span, "TypeError", "`" + name + "` of a vbd is a string");
    text += "," + name + "=" + str(value);
  }
  if (source.is(Tag::reference)) {
    const Address& address = source.as<ReferenceObject>().address;
    if (address.kind != Kind::vdisk)
      return call.interp.raise(call.span, "TypeError",
                               "a vbd is made from a vdisk, not from " + to_string(address));
    const lang::DiskResult result = lang::parse_disk_string(text + ",target=x");
    if (!result.mistakes.empty() || !result.disk)
      return raise_mistakes(call, result.mistakes, Code::bad_disk);
    made->vbd = vbd_of(*result.disk, "vbd(" + to_string(address) + ", …)");
    made->vbd.backend = "vd";
    made->vbd.source = address.name;
    made->vbd.written = to_string(address);
    made->vdisk = address;
    made->named = source.as<ReferenceObject>().span;
    return v;
  }
  if (!source.is(Tag::string))
    return call.interp.raise(
        call.span, "TypeError",
        "a vbd is made from a vdisk or a disk's name, not from " + with_article(type_name(source)));
  // A prefix such as `phy:` belongs to the positional form.
  std::string written = source.text() + "," + device.text() + "," + mode.text();
  for (const auto& [name, value] : keys)
    written += value.is(Tag::boolean) ? (value.integer() != 0 ? "," + name : "")
                                      : "," + name + "=" + str(value);
  const bool prefixed = source.text().find(':') != std::string::npos;
  const std::string as_text = prefixed ? written : text + ",target=" + source.text();
  const lang::DiskResult result = lang::parse_disk_string(as_text);
  if (!result.mistakes.empty() || !result.disk)
    return raise_mistakes(call, result.mistakes, Code::bad_disk);
  made->vbd = vbd_of(*result.disk, written);
  if (made->vbd.backend == "vd") made->vdisk = Address{Kind::vdisk, made->vbd.source};
  return v;
}

V builtin_vif(Call& call) {
  if (!call.positional.empty())
    return call.interp.raise(call.span, "TypeError",
                             "write it as `vif(bridge=\"xenbr0\")` or `vif(network=lan)`");
  VifObject* made = nullptr;
  V v = make(Tag::vif, made);
  made->span = call.span;
  std::string text;
  for (const auto& [name, value] : call.keywords) {
    if (name == "network") {
      if (!value.is(Tag::reference) || value.as<ReferenceObject>().address.kind != Kind::network)
        return call.interp.raise(call.span, "TypeError", "`network` takes a network");
      made->vif.network = value.as<ReferenceObject>().address;
      made->named = value.as<ReferenceObject>().span;
      continue;
    }
    if (!value.is(Tag::string) && !value.is_number())
      return call.interp.raise(call.span, "TypeError", "`" + name + "` of a vif is a string");
    text += (text.empty() ? "" : ",") + name + "=" + str(value);
  }
  const lang::VifResult result = lang::parse_vif_string(text);
  if (!result.mistakes.empty() || !result.vif)
    return raise_mistakes(call, result.mistakes, Code::bad_vif);
  made->vif.settings = result.vif->settings;
  return v;
}

}  // namespace hv::compiler
