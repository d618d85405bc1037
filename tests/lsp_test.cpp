// The language server as an editor has it: a process, the real protocol, files on a real disk.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/lsp_client.h"
#include "tests/process.h"

namespace hv::testing {
namespace {

using nlohmann::json;

// What an editor's plug-in does: requests by number, diagnostics kept by file.
class Editor {
 public:
  explicit Editor(const Folder& folder, json capabilities = json::object())
      : folder_(folder), client_(folder.path()) {
    started_ = ask(
        "initialize",
        {{"processId", nullptr}, {"rootUri", uri("")}, {"capabilities", std::move(capabilities)}});
    tell("initialized", json::object());
  }

  Client& client() { return client_; }
  const json& started() const { return started_; }
  std::string uri(const std::string& name) const {
    return "file://" + folder_.path() + (name.empty() ? "" : "/" + name);
  }
  json document(const std::string& name) const { return {{"uri", uri(name)}}; }

  void tell(const std::string& method, json params) {
    client_.send(
        json({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}}).dump());
  }
  // The answer's result; an error is told to the test.
  json ask(const std::string& method, json params) {
    const int id = ++last_id_;
    client_.send(
        json({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}})
            .dump());
    while (const std::optional<json> message = next())
      if (message->contains("id") && !message->contains("method") && !(*message)["id"].is_null()) {
        EXPECT_EQ((*message)["id"], id);
        EXPECT_FALSE(message->contains("error")) << *message;
        return message->value("result", json());
      }
    ADD_FAILURE() << "no answer to " << method;
    return nullptr;
  }
  json ask_at(const std::string& what, const std::string& name, unsigned line, unsigned column) {
    return ask("textDocument/" + what, {{"textDocument", document(name)},
                                        {"position", {{"line", line}, {"character", column}}},
                                        {"context", {{"includeDeclaration", true}}}});
  }

  void open(const std::string& name, const std::string& text) {
    versions_[name] = 1;
    texts_[name] = text;
    tell("textDocument/didOpen",
         {{"textDocument",
           {{"uri", uri(name)}, {"languageId", "hv"}, {"version", 1}, {"text", text}}}});
  }
  // One key after the other, as diagnostics come in between.
  void type(const std::string& name, unsigned line, unsigned column, const std::string& text) {
    for (const char c : text) {
      const json place = {{"line", line}, {"character", column++}};
      change(name, {{"start", place}, {"end", place}}, std::string(1, c));
    }
  }
  void change(const std::string& name, const json& range, const std::string& text) {
    json document_now = document(name);
    document_now["version"] = ++versions_[name];
    tell("textDocument/didChange",
         {{"textDocument", document_now},
          {"contentChanges", json::array({{{"range", range}, {"text", text}}})}});
  }
  // The diagnostics of a file once the server has said what it thinks of its newest text.
  json diagnostics(const std::string& name) {
    for (;;) {
      const json& shown = shown_[uri(name)];
      if (shown.is_object() && shown.value("version", 0) == versions_[name])
        return shown["diagnostics"];
      if (!next()) break;
    }
    ADD_FAILURE() << "no diagnostics of " << name;
    return nullptr;
  }
  // … until they are as many as that.
  json diagnostics(const std::string& name, std::size_t count) {
    for (;;) {
      const json& shown = shown_[uri(name)];
      if (shown.is_object() && shown["diagnostics"].size() == count) return shown["diagnostics"];
      if (!next()) break;
    }
    ADD_FAILURE() << "not " << count << " diagnostics of " << name << " but " << shown_[uri(name)];
    return nullptr;
  }
  json asked_by_server() const { return asked_; }

 private:
  std::optional<json> next() {
    const std::optional<std::string> body = client_.receive();
    if (!body) return std::nullopt;
    json message = json::parse(*body, nullptr, false);
    EXPECT_FALSE(message.is_discarded()) << *body;
    if (message.value("method", "") == "textDocument/publishDiagnostics")
      shown_[message["params"]["uri"]] = message["params"];
    else if (message.contains("method") && message.contains("id"))
      asked_ = message;
    return message;
  }

  const Folder& folder_;
  Client client_;
  json started_, asked_;
  int last_id_ = 0;
  std::map<std::string, int> versions_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, json> shown_;
};

json range(unsigned line, unsigned from, unsigned to) {
  return {{"start", {{"line", line}, {"character", from}}},
          {"end", {{"line", line}, {"character", to}}}};
}

TEST(LanguageServer, AMorningsWork) {
  Folder folder;
  folder.copy_from(example("quickstart"));
  Editor editor(folder);
  EXPECT_EQ(editor.started()["serverInfo"]["name"], "hv");
  const std::string text = folder.read("fleet.vm");
  editor.open("fleet.vm", text);
  EXPECT_EQ(editor.diagnostics("fleet.vm"), json::array());

  // A template is begun; halfway through the name that is wrong.
  const auto lines = static_cast<unsigned>(std::count(text.begin(), text.end(), '\n')) + 1;
  editor.type("fleet.vm", lines - 1, 0, "\n");
  editor.type("fleet.vm", lines, 0, "domain extra(web):\n");
  editor.type("fleet.vm", lines + 1, 0, "    vpcus = 1");
  json shown = editor.diagnostics("fleet.vm");
  ASSERT_EQ(shown.size(), 1u) << shown;
  EXPECT_EQ(shown[0]["code"], "HV0203");
  EXPECT_EQ(shown[0]["range"], range(lines + 1, 4, 9));

  // The light bulb mends it.
  const json actions =
      editor.ask("textDocument/codeAction", {{"textDocument", editor.document("fleet.vm")},
                                             {"range", shown[0]["range"]},
                                             {"context", {{"diagnostics", shown}}}});
  ASSERT_EQ(actions.size(), 1u) << actions;
  const json edit = actions[0]["edit"]["changes"][editor.uri("fleet.vm")][0];
  editor.change("fleet.vm", edit["range"], edit["newText"]);
  EXPECT_EQ(editor.diagnostics("fleet.vm"), json::array());

  const json hover = editor.ask_at("hover", "fleet.vm", lines + 1, 6);
  EXPECT_NE(hover["contents"]["value"].get<std::string>().find("domain.vcpus"), std::string::npos);
  const json definition = editor.ask_at("definition", "fleet.vm", lines, 14);
  ASSERT_EQ(definition.size(), 1u);
  const json there = definition[0]["range"]["start"];
  EXPECT_EQ(text.substr(text.find("template web") + 9, 3), "web");
  EXPECT_EQ(there["character"], 9);
  EXPECT_EQ(editor.ask_at("references", "fleet.vm", lines, 14).size(), 3u);
  const json items = editor.ask_at("completion", "fleet.vm", lines + 1, 6)["items"];
  EXPECT_TRUE(std::any_of(items.begin(), items.end(),
                          [](const json& each) { return each["label"] == "vcpus"; }));

  // Formatted, it is what `hv fmt` writes.
  const json edits = editor.ask("textDocument/formatting",
                                {{"textDocument", editor.document("fleet.vm")},
                                 {"options", {{"tabSize", 4}, {"insertSpaces", true}}}});
  ASSERT_EQ(edits.size(), 1u);
  EXPECT_EQ(edits[0]["newText"], "    vcpus = 1\n");

  editor.ask("shutdown", nullptr);
  editor.tell("exit", nullptr);
  EXPECT_EQ(editor.client().wait(), 0);
}

TEST(LanguageServer, SeesImportsProjectAndDiskChange) {
  Folder folder;
  folder.write("hv.toml",
               "[project]\nname = \"p\"\nsources = [\"main.vm\"]\n"
               "[hosts.lab]\ndriver = \"sim\"\nmemory = \"8GiB\"\ncpus = 4\n");
  folder.write("base.vm", "template small:\n    memory = 64MiB\n");
  folder.write("main.vm", "from \"base.vm\" import small\ndomain a(small):\n    vcpus = 1\n");
  const json can = {{"workspace", {{"didChangeWatchedFiles", {{"dynamicRegistration", true}}}}},
                    {"general", {{"positionEncodings", {"utf-8", "utf-16"}}}}};
  Editor editor(folder, can);
  EXPECT_EQ(editor.started()["capabilities"]["positionEncoding"], "utf-8");
  editor.open("main.vm", folder.read("main.vm"));
  EXPECT_EQ(editor.diagnostics("main.vm"), json::array());
  EXPECT_EQ(editor.asked_by_server()["method"], "client/registerCapability");

  // The import is edited and not saved.
  editor.open("base.vm", folder.read("base.vm"));
  editor.change("base.vm", range(0, 9, 14), "tiny");
  EXPECT_EQ(editor.diagnostics("main.vm", 1)[0]["code"], "HV0405");
  editor.change("base.vm", range(0, 9, 13), "small");
  editor.diagnostics("main.vm", 0);
  const json definition = editor.ask_at("definition", "main.vm", 1, 10);
  ASSERT_EQ(definition.size(), 1u);
  EXPECT_EQ(definition[0]["uri"], editor.uri("base.vm"));
  editor.tell("textDocument/didClose", {{"textDocument", editor.document("base.vm")}});

  // Another program changes a file that is not open, and hv.toml.
  folder.write("base.vm", "template other:\n    memory = 64MiB\n");
  const json changed = {{{"uri", editor.uri("base.vm")}, {"type", 2}}};
  editor.tell("workspace/didChangeWatchedFiles", {{"changes", changed}});
  editor.diagnostics("main.vm", 1);
  folder.write("base.vm", "template small:\n    memory = 64MiB\n");
  folder.write("hv.toml", "[project]\nname = \"p\"\nsauces = [\"main.vm\"]\n");
  editor.tell("workspace/didChangeWatchedFiles", {{"changes", changed}});
  editor.diagnostics("main.vm", 0);
  EXPECT_NE(editor.diagnostics("hv.toml", 1)[0]["message"].get<std::string>().find("sources"),
            std::string::npos);
  editor.client().close_input();
  EXPECT_EQ(editor.client().wait(), 1);  // without a shutdown
}

TEST(LanguageServer, KeepsAFileThatIsSavedUnderALink) {
  Folder folder;
  folder.write("real/other.vm", "a = 1\n");
  std::filesystem::create_directory_symlink(folder / "real", folder / "link");
  Editor editor(folder);
  editor.open("link/new.vm", "domain a:\n    memory = 64MiB\n");
  EXPECT_EQ(editor.diagnostics("link/new.vm"), json::array());
  folder.write("real/new.vm", "domain a:\n    memory = 64MiB\n");
  editor.tell("textDocument/didSave", {{"textDocument", editor.document("link/new.vm")}});
  editor.change("link/new.vm", range(1, 4, 10), "memry");
  EXPECT_EQ(editor.diagnostics("link/new.vm").size(), 1u);
}

TEST(LanguageServer, ThousandsOfMistakesAreNoTrouble) {
  Folder folder;
  Editor editor(folder);
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "a" + std::to_string(i) + " = nowhere\n";
  editor.open("bad.vm", text);
  EXPECT_GE(editor.diagnostics("bad.vm").size(), 1u);
  editor.type("bad.vm", 0, 0, "# some words typed");
  EXPECT_GE(editor.diagnostics("bad.vm").size(), 1u);
}

TEST(LanguageServer, OutlivesAnythingOnItsPipe) {
  Folder folder;
  Editor editor(folder);
  Client& client = editor.client();
  client.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.send_raw("Content-Length: -5\r\n\r\n");
  client.send_raw("Content-Length: 18446744073709551616\r\n\r\n");
  client.send_raw(std::string(100'000, '\0'));
  client.send("{");
  client.send(std::string(1'000'000, '['));
  client.send("{\"id\":1e400,\"method\":\"x\"}");
  client.send("{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"textDocument/hover\"}");
  editor.tell("textDocument/didOpen", {{"textDocument", {{"uri", "file:///dev/stdin"}}}});
  editor.tell("textDocument/didChange", 7);
  editor.open("bomb.vm", "a = 1\nwhile True:\n    a = a * 9\nfrom \"/dev/stdin\" import x\n");
  editor.open("deep.vm", "a = " + std::string(200'000, '[') + "\n");
  EXPECT_GE(editor.diagnostics("bomb.vm").size(), 1u);
  EXPECT_EQ(editor.diagnostics("deep.vm").size(), 1u);
  editor.ask_at("hover", "deep.vm", 0, 100'000);
  editor.ask_at("completion", "bomb.vm", 2, 6);
  // Errors with no id came in between; the requests were answered all the same.
}

TEST(LanguageServer, IsNotForPeople) {
  Folder folder;
  Command command = folder.command({"lsp"});
  command.terminal_columns = 80;
  const Finished finished = run(command);
  EXPECT_EQ(finished.code, 64);
  EXPECT_NE(finished.out.find("docs/editors.md"), std::string::npos) << finished.out;
  EXPECT_EQ(folder.hv({"lsp", "extra"}).code, 64);
  EXPECT_EQ(folder.hv({"-C", "absent", "lsp"}).code, 1);
  EXPECT_EQ(folder.hv({"lsp"}).code, 1);  // an input that ends at once, without a word
}

}  // namespace
}  // namespace hv::testing
