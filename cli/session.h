// Session: what most commands begin with — the project, its sources compiled, its state, its hosts.
//
// Each step reports its own failures to stderr; a command stops where one returns false.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/diagnostics.h"
#include "base/source.h"
#include "cli/options.h"
#include "compiler/compile.h"
#include "hv/drivers/driver.h"
#include "hv/drivers/sim/sim.h"
#include "hv/drivers/xl/xl.h"
#include "hv/schema/project.h"
#include "hv/schema/schema.h"
#include "hv/storage/storage_map.h"
#include "reconciler/apply.h"
#include "reconciler/plan.h"
#include "report/report.h"
#include "state/store.h"

namespace hv::cli {

class Session {
 public:
  explicit Session(const Options& options);
  ~Session();

  // hv.toml of -C, the working directory or above; a site's schemas/.
  bool load_project();
  // The sources, or the PATHs; false if there is an error in them (told on stderr).
  bool compile_sources();
  std::string types_of_sources();  // `--dump=typed`; mistakes are in `diagnostics`
  // What these hand to the compiler; false, and told, where a file of -p or stdin cannot be read.
  bool ask_for_sources(CompileRequest& request);
  // Without this a command may not change anything.
  bool lock();
  bool open_store();   // to write; the lock must be held
  bool open_reader();  // beside a running writer; no store yet is fine
  // Drivers of every host of the project; `changing` opens simulated hosts to write.
  bool open_drivers(bool changing);
  // The inventories that hv.toml names; they count as inputs of what is made from them.
  bool load_inventories();
  // Those of real hosts as their storage is now, for who is about to change something; false, and
  // told, where a host is another machine. The state must have been read.
  bool gather_again();
  // One look at every host, or with --refresh=false the last one kept.
  bool observe();

  PlanRequest plan_request(const Scope& scope);
  std::map<HostName, int> parallel() const;  // steps at once, as hv.toml has it
  Scope scope_from_options(bool destroy_all) const;

  // Says on stderr what is in flight: of an apply that runs, or of one that was interrupted.
  void note_open_intents();

  void fail(const Error& error, const std::string& file = {});
  void show_diagnostics();  // those not shown yet, to stderr
  Style style(int fd) const;

  const Options& options;
  bool keeps_diagnostics = false;  // for an answer that holds them; stderr gets none
  SourceMap sources;
  Diagnostics diagnostics;
  Project project;
  const Schema* schema = nullptr;
  DesiredGraph desired;
  std::string state_folder;  // absolute
  std::unique_ptr<StateLock> state_lock;
  std::unique_ptr<Store> store;
  std::unique_ptr<StoreReader> reader;  // or nothing: no store yet
  Applied applied;
  StoreHead head;
  std::vector<JournalEntry> open_intents;
  std::map<HostName, OperatorWord> fenced;
  std::vector<Inventory> inventories;
  std::shared_ptr<const StorageMap> storage;  // of them; nothing without any
  Drivers drivers;
  Observation observation;
  std::string working_directory;
  Clock& clock;
  Random& random;

 private:
  bool read_state(const StoreReader& from);
  void put_inventories_together();
  std::unique_ptr<Schema> site_schema_;
  std::vector<std::unique_ptr<HostStore>> host_stores_;
  std::vector<std::unique_ptr<Driver>> owned_drivers_;
  std::size_t shown_ = 0;
};

// USER@HOST: who gives the command.
std::string who();

// This machine is a Xen dom0.
bool is_dom0();

// A simulated host as hv.toml describes it; where it is a process of its own, its socket, else "".
SimConfig sim_config(const HostConfig& config);
std::string sim_socket(const HostConfig& config, const std::string& root);

// How the host is reached; `root` is the folder of hv.toml.
XlConfig xl_config(const HostConfig& config, const std::string& root);

}  // namespace hv::cli
