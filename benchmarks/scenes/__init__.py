# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Composed surveillance footage: seeded, documented, with a truth that is exact.

`compose.compose(spec, folder)` paints a clip picture by picture, codes its renditions and writes
down what was to be seen when; `reel.Reel` does the same for whole nights, painting and coding only
what is looked at. Every picture depends on the spec and its own number alone.

What is drawn: backgrounds of the simulated town without their people, one painted yard, and, where
the shared footage is at hand, the temporal median of real cameras; on them people, vehicles and
two-wheelers in perspective, with contact shadows; before them wind, water, rain, light and insects.
What is not: cast shadows of the sun, reflections, animals, vehicles seen from the front. Distances
on real backgrounds rest on a guessed lens: sizes are plausible there, metres are no truth.
"""
