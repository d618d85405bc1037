#include "hv/model/desired.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/depth_first_search.hpp>
#include <unordered_map>

namespace hv {
namespace {

// An edge runs from a resource to what it refers to and knows which reference it stands for.
struct ReferenceIndex {
  std::size_t reference;
};
using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property,
                                    ReferenceIndex>;
using Vertex = boost::graph_traits<Graph>::vertex_descriptor;
using Edge = boost::graph_traits<Graph>::edge_descriptor;

// One walk gives both answers: the order in which vertices are finished (what is referred to
// first), and the references of the first circle met.
class Walk : public boost::default_dfs_visitor {
 public:
  struct Found {
    std::vector<Vertex> finished;
    std::vector<std::size_t> cycle;
    std::vector<Edge> path;  // tree edges from the root of the walk to the vertex it is at
  };
  explicit Walk(Found& found) : found_(&found) {}

  void tree_edge(Edge edge, const Graph&) { found_->path.push_back(edge); }
  void back_edge(Edge edge, const Graph& graph) {
    if (!found_->cycle.empty()) return;
    const Vertex start = boost::target(edge, graph);
    auto from = std::find_if(found_->path.begin(), found_->path.end(),
                             [&](Edge step) { return boost::source(step, graph) == start; });
    // For a resource that refers to itself no tree edge leaves `start`, and none is wanted.
    for (; from != found_->path.end(); ++from) found_->cycle.push_back(graph[*from].reference);
    found_->cycle.push_back(graph[edge].reference);
  }
  void finish_vertex(Vertex vertex, const Graph&) {
    found_->finished.push_back(vertex);
    if (!found_->path.empty()) found_->path.pop_back();
  }

 private:
  Found* found_;  // Boost copies its visitors
};

}  // namespace

struct DesiredGraph::Rep {
  std::vector<Resource> resources;
  std::unordered_map<Address, std::size_t> index;
  std::vector<Reference> references;

  Walk::Found walk() const {
    Graph graph(resources.size());
    for (std::size_t i = 0; i < references.size(); ++i) {
      auto from = index.find(references[i].from);
      auto to = index.find(references[i].to);
      if (from != index.end() && to != index.end())
        boost::add_edge(from->second, to->second, ReferenceIndex{i}, graph);
    }
    Walk::Found found;
    boost::depth_first_search(graph, boost::visitor(Walk(found)));
    return found;
  }
};

DesiredGraph::DesiredGraph() : rep_(std::make_unique<Rep>()) {}
DesiredGraph::~DesiredGraph() = default;
DesiredGraph::DesiredGraph(DesiredGraph&&) noexcept = default;
DesiredGraph& DesiredGraph::operator=(DesiredGraph&&) noexcept = default;

bool DesiredGraph::add(Resource resource) {
  if (!rep_->index.emplace(address_of(resource), rep_->resources.size()).second) return false;
  rep_->resources.push_back(std::move(resource));
  return true;
}

void DesiredGraph::add_reference(Reference reference) {
  rep_->references.push_back(std::move(reference));
}

std::span<const Resource> DesiredGraph::resources() const {
  return rep_->resources;
}

const Resource* DesiredGraph::find(const Address& address) const {
  auto at = rep_->index.find(address);
  return at == rep_->index.end() ? nullptr : &rep_->resources[at->second];
}

std::span<const Reference> DesiredGraph::references() const {
  return rep_->references;
}

std::vector<Address> DesiredGraph::in_dependency_order() const {
  const Walk::Found found = rep_->walk();
  if (!found.cycle.empty()) return {};
  std::vector<Address> order;
  order.reserve(found.finished.size());
  for (Vertex vertex : found.finished) order.push_back(address_of(rep_->resources[vertex]));
  return order;
}

std::vector<Reference> DesiredGraph::find_cycle() const {
  std::vector<Reference> cycle;
  for (std::size_t reference : rep_->walk().cycle) cycle.push_back(rep_->references[reference]);
  return cycle;
}

}  // namespace hv
