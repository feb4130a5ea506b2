"""Cleaning of examples: steps as settings, their effect before they are applied, and what two versions differ in."""
