#!/usr/bin/env python3
"""Each rule of check_floors.py finds its breach, and what is right passes."""

import unittest

from check_floors import breaches_of


class Rules(unittest.TestCase):
    def breach(self, path, text, expected):
        found = list(breaches_of(path, text))
        self.assertEqual(len(found), 1, found)
        self.assertIn(expected, found[0])

    def fine(self, path, text):
        self.assertEqual(list(breaches_of(path, text)), [])

    def test_floors(self):
        self.fine("neurons/plan/a.cpp", '#include "neurons/graph/graph.hpp"\n#include "neurons/plan/plan.hpp"\n')
        self.fine("neurons/ops/a.cpp", '#include "neurons/ops/common/view.hpp"\n')
        self.fine("apps/cli/a.cpp", '#include "neurons/training/trainer.hpp"\n')
        self.breach("neurons/graph/a.cpp", '#include "neurons/plan/plan.hpp"\n', "graph is on floor 2")
        self.breach("neurons/tensor/a.cpp", '#include "neurons/kernels/tile.hpp"\n', "may include lower floors only")
        self.breach("neurons/ops/common/a.cpp", '  #  include <neurons/ops/ops.hpp>\n', "ops/common is on floor 2.5")
        self.breach("neurons/graph/a.cpp", '#include "neurons/cellar/a.hpp"\n', "in no room")
        self.breach("neurons/cellar/a.cpp", "", "has no floor")

    def test_highway(self):
        self.fine("neurons/kernels/a.cpp", "#include <hwy/highway.h>\n")
        self.breach("neurons/plan/a.cpp", "#include <hwy/highway.h>\n", "includes Highway")
        self.breach("apps/cli/a.cpp", '#include "hwy/highway.h"\n', "includes Highway")

    def test_length(self):
        self.fine("neurons/plan/a.cpp", "\n" * 600)
        self.breach("neurons/plan/a.cpp", "\n" * 601, "601 lines")

    def test_op_kinds(self):
        self.fine("neurons/ops/a.cpp", 'switch (options.kind) {\n')
        self.fine("neurons/plan/a.cpp", 'switch (dtype) {\n')
        self.breach("neurons/plan/a.cpp", 'switch (node.kind) {\n', "decides by the kind of op")
        self.breach("neurons/plan/a.cpp", 'if (node.op->name == "Relu") {\n', "decides by the kind of op")

    def test_silence(self):
        self.fine("neurons/plan/a.cpp", "// std::cout is not for us\nint sprint(int);\nstatic_assert(true);\n")
        self.fine("apps/cli/a.cpp", 'std::cout << "hello";\n')
        self.fine("neurons/plan/a_test.cpp", 'std::cout << "hello";\n')
        self.breach("neurons/plan/a.cpp", 'std::cerr << "hello";\n', "never prints")
        self.breach("neurons/plan/a.cpp", '  fmt::print("hello");\n', "never prints")
        self.breach("neurons/plan/a.cpp", '  assert(x > 0);\n', "never prints")
        self.breach("neurons/plan/a.cpp", '  std::getenv("HOME");\n', "never prints")

    def test_unfinished(self):
        self.breach("docs/a.md", "TO" + "DO: later\n", "docs/a.md:1: unfinished work")


if __name__ == "__main__":
    unittest.main()
