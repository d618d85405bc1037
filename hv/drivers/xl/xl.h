// XlDriver: real Xen through its `xl` command, on this machine's dom0 or over ssh.
//
// Needs nothing on the host but bash, util-linux' flock and the Xen tools. What it changes runs
// through one script (hostop.sh) in a session of its own on the host, so that it ends whether or
// not hv lives; what it says is read back from xl, xenstore and sysfs (look.sh), never believed.
// Called from one thread.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "hv/drivers/driver.h"
#include "hv/schema/schema.h"

namespace hv {

struct XlConfig {
  HostName host;
  std::string address;                // "ssh://root@xen1:22"; empty: this machine
  std::string identity, known_hosts;  // files of OpenSSH; empty: its own configuration
  std::string state = "/var/lib/hv";  // on the host: claims, locks, operations
  Uuid project;                       // whose virtual disks are known by their names
  Duration answer_within = seconds(60);
};

std::unique_ptr<Driver> make_xl_driver(const XlConfig& config, const Schema& schema, Clock& clock);

}  // namespace hv
