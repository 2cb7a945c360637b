"""Analysis: tables in; laws, pictures and pages out. Imports neither JAX nor vdit."""
