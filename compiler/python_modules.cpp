// The modules old files import — os, sys, string, re, xm_vars, … — modelled, never run.
//
// Their answers come from hv.toml and from -p; nothing here looks at the machine.
#include <re2/re2.h>

#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {
namespace {

V refuse(Call& call, const std::string& what, const std::string& instead) {
  return call.interp.raise(call.span, Code::not_hermetic,
                           "`" + what + "` reaches outside, which evaluation never does", instead);
}

V function(std::string_view name, BuiltinFunction f) {
  BuiltinObject* object = nullptr;
  V v = make(Tag::builtin, object);
  object->name = std::string(name);
  object->function = f;
  return v;
}

std::optional<std::string> text(Call& call, std::size_t i) {
  if (i < call.positional.size() && call.positional[i].is(Tag::string))
    return call.positional[i].text();
  call.interp.raise(call.span, "TypeError", "this takes a string");
  return std::nullopt;
}

const HostConfig* host(Call& call) {
  return call.interp.world.host_facts();
}

// ---- os

V os_uname(Call& call) {
  const HostConfig* facts = host(call);
  std::vector<V> fields;
  if (facts != nullptr && facts->uname.size() == 5) {
    for (const std::string& field : facts->uname) fields.push_back(V::string(field));
  } else {
    fields = {V::string("Linux"), V::string(""), V::string(""), V::string(""), V::string("x86_64")};
  }
  return make_tuple(std::move(fields));
}

std::optional<std::string> environment(Call& call, const std::string& name) {
  auto given = call.interp.variables.find("env." + name);
  if (given != call.interp.variables.end()) return given->second;
  if (const HostConfig* facts = host(call)) {
    auto it = facts->env.find(name);
    if (it != facts->env.end()) return it->second;
  }
  return std::nullopt;
}

V os_getenv(Call& call) {
  auto name = text(call, 0);
  if (!name) return V::failed();
  if (auto value = environment(call, *name)) return V::string(*value);
  return call.positional.size() > 1 ? call.positional[1] : V();
}

V os_path_exists(Call& call) {
  auto path = text(call, 0);
  if (!path) return V::failed();
  const HostConfig* facts = host(call);
  if (facts != nullptr && facts->driver == DriverKind::sim) {
    if (!facts->files) return V::boolean(true);
    return V::boolean(std::find(facts->files->begin(), facts->files->end(), *path) !=
                      facts->files->end());
  }
  return call.interp.raise(call.span, Code::not_hermetic,
                           "whether `" + *path + "` exists is known only from an inventory",
                           "gather one with `hv inventory " +
                               (facts != nullptr ? facts->name.text : std::string("HOST")) + "`");
}

V os_path_join(Call& call) {
  std::string path;
  for (std::size_t i = 0; i < call.positional.size(); ++i) {
    auto part = text(call, i);
    if (!part) return V::failed();
    if (part->starts_with('/') || path.empty())
      path = *part;
    else
      path += (path.ends_with('/') ? "" : "/") + *part;
  }
  return V::string(path);
}

V os_path_basename(Call& call) {
  auto path = text(call, 0);
  if (!path) return V::failed();
  return V::string(path->substr(path->rfind('/') + 1));
}

V os_path_dirname(Call& call) {
  auto path = text(call, 0);
  if (!path) return V::failed();
  const std::size_t slash = path->rfind('/');
  if (slash == std::string::npos) return V::string("");
  return V::string(slash == 0 ? "/" : path->substr(0, slash));
}

V os_path_splitext(Call& call) {
  auto path = text(call, 0);
  if (!path) return V::failed();
  const std::size_t dot = path->rfind('.');
  const std::size_t slash = path->rfind('/');
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  if (dot == std::string::npos || dot <= begin)
    return make_tuple({V::string(*path), V::string("")});
  return make_tuple({V::string(path->substr(0, dot)), V::string(path->substr(dot))});
}

V os_refused(Call& call) {
  return refuse(call, "os", "a `param` brings in what must come from outside");
}

V os_listdir(Call& call) {
  return refuse(call, "os.listdir", "name the files in the configuration");
}

// ---- xm_vars

V vars_var(Call& call) {
  auto name = text(call, 0);
  if (!name) return V::failed();
  V fallback;
  V check;
  bool have_default = false;
  std::string use;
  for (auto& [keyword, value] : call.keywords) {
    if (keyword == "default") {
      fallback = value;
      have_default = !value.is(Tag::none);
    } else if (keyword == "check") {
      check = value;
    } else if (keyword == "use" && value.is(Tag::string)) {
      use = value.text();
    }
  }
  (void)have_default;
  auto given = call.interp.variables.find(*name);
  if (given == call.interp.variables.end()) return V();
  if (!check.is(Tag::none)) {
    V ok = call.interp.call(check, call.span, {V::string(*name), V::string(given->second)}, {});
    if (ok.is_failed()) return ok;
  }
  // As xm did: the variable is bound in the file.
  auto [it, fresh] = call.interp.variables.try_emplace(*name, given->second);
  (void)fresh;
  if (call.interp.file != nullptr) {
    // The key's text must outlive the scope: the map's node does.
    call.interp.file->scope->variables[it->first] = V::string(it->second);
  }
  return V();
}

V vars_check(Call&) {
  return V();
}

// ---- string

V string_method(Call& call, const char* name) {
  if (call.positional.empty() || !call.positional[0].is(Tag::string))
    return call.interp.raise(call.span, "TypeError", "this takes a string first");
  V method = find_method(call.positional[0], name);
  return call.interp.call(method, call.span, {call.positional.begin() + 1, call.positional.end()},
                          call.keywords);
}
V string_split(Call& call) {
  return string_method(call, "split");
}
V string_strip(Call& call) {
  return string_method(call, "strip");
}
V string_lower(Call& call) {
  return string_method(call, "lower");
}
V string_upper(Call& call) {
  return string_method(call, "upper");
}
V string_replace(Call& call) {
  return string_method(call, "replace");
}
V string_find(Call& call) {
  return string_method(call, "find");
}
V string_zfill(Call& call) {
  return string_method(call, "zfill");
}
V string_join(Call& call) {
  if (call.positional.empty())
    return call.interp.raise(call.span, "TypeError", "write it as `string.join(words, \" \")`");
  const V by = call.positional.size() > 1 ? call.positional[1] : V::string(" ");
  return call.interp.call(find_method(by, "join"), call.span, {call.positional[0]}, {});
}
V string_atoi(Call& call) {
  return call.interp.call(find_builtin("int", true), call.span, call.positional, {});
}

// ---- re

V run_pattern(Call& call, RE2::Anchor anchor) {
  auto pattern = text(call, 0);
  if (!pattern) return V::failed();
  auto subject = text(call, 1);
  if (!subject) return V::failed();
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  const RE2 compiled(*pattern, options);
  if (!compiled.ok())
    return call.interp.raise(call.span, "ValueError",
                             "the pattern is not understood: " + compiled.error(),
                             "look-around and back-references are not part of the language");
  const int count = compiled.NumberOfCapturingGroups() + 1;
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(count));
  if (!compiled.Match(*subject, 0, subject->size(), anchor, groups.data(), count)) return V();
  MatchObject* match = nullptr;
  V v = make(Tag::match, match);
  for (const re2::StringPiece& group : groups) {
    if (group.data() == nullptr) {
      match->groups.emplace_back(-1, -1);
      continue;
    }
    const auto begin = static_cast<int64_t>(group.data() - subject->data());
    match->groups.emplace_back(begin, begin + static_cast<int64_t>(group.size()));
  }
  match->subject = *subject;
  for (const auto& [name, index] : compiled.NamedCapturingGroups()) match->names[name] = index;
  return v;
}
V re_match(Call& call) {
  return run_pattern(call, RE2::ANCHOR_START);
}
V re_search(Call& call) {
  return run_pattern(call, RE2::UNANCHORED);
}
V re_sub(Call& call) {
  auto pattern = text(call, 0);
  if (!pattern) return V::failed();
  auto by = text(call, 1);
  if (!by) return V::failed();
  auto subject = text(call, 2);
  if (!subject) return V::failed();
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  const RE2 compiled(*pattern, options);
  if (!compiled.ok())
    return call.interp.raise(call.span, "ValueError",
                             "the pattern is not understood: " + compiled.error());
  RE2::GlobalReplace(&*subject, compiled, *by);
  return V::string(*subject);
}
V re_split(Call& call) {
  auto pattern = text(call, 0);
  if (!pattern) return V::failed();
  auto subject = text(call, 1);
  if (!subject) return V::failed();
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  const RE2 compiled(*pattern, options);
  if (!compiled.ok())
    return call.interp.raise(call.span, "ValueError",
                             "the pattern is not understood: " + compiled.error());
  std::vector<V> parts;
  re2::StringPiece found;
  std::size_t at = 0;
  while (at <= subject->size() &&
         compiled.Match(*subject, at, subject->size(), RE2::UNANCHORED, &found, 1)) {
    const auto begin = static_cast<std::size_t>(found.data() - subject->data());
    if (found.empty()) break;
    parts.push_back(V::string(subject->substr(at, begin - at)));
    at = begin + found.size();
  }
  parts.push_back(V::string(subject->substr(at)));
  return make_list(std::move(parts));
}

// ---- the 2004 files' own helpers

V own_ip(Call& call) {
  const HostConfig* facts = host(call);
  if (facts != nullptr && !facts->ip.empty()) return V::string(facts->ip);
  return call.interp.raise(call.span, Code::not_hermetic,
                           "the host's own address is not known here",
                           "set `ip` in the host's table of hv.toml");
}
V own_netmask(Call& call) {
  const HostConfig* facts = host(call);
  if (facts != nullptr && !facts->netmask.empty()) return V::string(facts->netmask);
  return call.interp.raise(call.span, Code::not_hermetic, "the host's netmask is not known here",
                           "set `netmask` in the host's table of hv.toml");
}
V own_gateway(Call& call) {
  const HostConfig* facts = host(call);
  if (facts != nullptr && !facts->gateway.empty()) return V::string(facts->gateway);
  return call.interp.raise(call.span, Code::not_hermetic, "the host's gateway is not known here",
                           "set `gateway` in the host's table of hv.toml");
}
V add_offset_to_ip(Call& call) {
  auto address = text(call, 0);
  if (!address) return V::failed();
  if (call.positional.size() < 2 || !call.positional[1].is_integral() || !is_ip(*address) ||
      address->find(':') != std::string::npos)
    return call.interp.raise(call.span, "ValueError", "this takes a dotted quad and an int");
  uint32_t n = 0, part = 0;
  for (const char c : *address + ".") {
    if (c == '.') {
      n = n << 8 | part;
      part = 0;
    } else {
      part = part * 10 + static_cast<uint32_t>(c - '0');
    }
  }
  n += static_cast<uint32_t>(call.positional[1].integer());
  return V::string(std::to_string(n >> 24) + "." + std::to_string(n >> 16 & 255) + "." +
                   std::to_string(n >> 8 & 255) + "." + std::to_string(n & 255));
}
V get_hostbyname(Call& call) {
  auto name = text(call, 0);
  if (!name) return V::failed();
  if (is_ip(*name)) return V::string(*name);
  return refuse(call, "gethostbyname", "write the address itself");
}

struct Member {
  std::string_view module, name;
  BuiltinFunction function;
};
constexpr Member kMembers[] = {
    {"XenoUtil", "add_offset_to_ip", add_offset_to_ip},
    {"XenoUtil", "get_current_ipaddr", own_ip},
    {"XenoUtil", "get_current_ipgw", own_gateway},
    {"XenoUtil", "get_current_ipmask", own_netmask},
    {"os", "getenv", os_getenv},
    {"os", "listdir", os_listdir},
    {"os", "open", os_refused},
    {"os", "popen", os_refused},
    {"os", "system", os_refused},
    {"os", "uname", os_uname},
    {"os.path", "basename", os_path_basename},
    {"os.path", "dirname", os_path_dirname},
    {"os.path", "exists", os_path_exists},
    {"os.path", "isfile", os_path_exists},
    {"os.path", "join", os_path_join},
    {"os.path", "splitext", os_path_splitext},
    {"re", "match", re_match},
    {"re", "search", re_search},
    {"re", "split", re_split},
    {"re", "sub", re_sub},
    {"socket", "gethostbyname", get_hostbyname},
    {"string", "atoi", string_atoi},
    {"string", "find", string_find},
    {"string", "join", string_join},
    {"string", "lower", string_lower},
    {"string", "replace", string_replace},
    {"string", "split", string_split},
    {"string", "strip", string_strip},
    {"string", "upper", string_upper},
    {"string", "zfill", string_zfill},
    {"xenctl.utils", "add_offset_to_ip", add_offset_to_ip},
    {"xenctl.utils", "get_current_ipaddr", own_ip},
    {"xenctl.utils", "get_current_ipgw", own_gateway},
    {"xenctl.utils", "get_current_ipmask", own_netmask},
    {"xm_vars", "check", vars_check},
    {"xm_vars", "var", vars_var},
};

constexpr std::string_view kModules[] = {
    "XenoUtil", "config_file", "os",     "os.path",      "re",      "socket",
    "string",   "sys",         "xenctl", "xenctl.utils", "xm_vars",
};

}  // namespace

bool is_known_module(std::string_view name) {
  return std::find(std::begin(kModules), std::end(kModules), name) != std::end(kModules);
}

V make_module(std::string_view name) {
  ModuleObject* module = nullptr;
  V v = make(Tag::module, module);
  module->name = std::string(name);
  return v;
}

V module_attribute(Interp& interp, const ModuleObject& module, std::string_view name, Span span) {
  for (const Member& member : kMembers)
    if (member.module == module.name && member.name == name)
      return function(member.name, member.function);
  if (is_known_module(module.name + "." + std::string(name)))
    return make_module(module.name + "." + std::string(name));
  if (module.name == "os" && name == "environ") {
    DictObject* dict = nullptr;
    V v = make(Tag::dict, dict);
    if (const HostConfig* facts = interp.world.host_facts())
      for (const auto& [key, value] : facts->env)
        dict->put("s" + key, V::string(key), V::string(value));
    for (const auto& [key, value] : interp.variables)
      if (key.starts_with("env."))
        dict->put("s" + key.substr(4), V::string(key.substr(4)), V::string(value));
    return v;
  }
  if (module.name == "os" && name == "sep") return V::string("/");
  if (module.name == "sys") {
    if (name == "platform") return V::string("linux2");
    if (name == "argv") return make_list({V::string("xm")});
    if (name == "version") return V::string("2.7.18");
    if (name == "version_info") return make_tuple({V::integer(2), V::integer(7), V::integer(18)});
    if (name == "maxint") return V::integer(INT64_MAX);
  }
  if (module.name == "string") {
    if (name == "digits") return V::string("0123456789");
    if (name == "ascii_lowercase" || name == "lowercase")
      return V::string("abcdefghijklmnopqrstuvwxyz");
    if (name == "ascii_uppercase" || name == "uppercase")
      return V::string("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (name == "letters" || name == "ascii_letters")
      return V::string("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (name == "hexdigits") return V::string("0123456789abcdefABCDEF");
  }
  if (module.name == "os" || module.name == "socket" || module.name == "sys" ||
      module.name == "re") {
    interp.raise(span, Code::not_hermetic,
                 "`" + module.name + "." + std::string(name) + "` is not part of the language",
                 "evaluation reaches no file, clock, network or process; a `param` brings in what "
                 "must come from outside");
  }
  return V::failed();
}

}  // namespace hv::compiler
