package main

import (
	"os"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	for text, want := range map[string]string{
		"Apache License\n  Version 2.0, January 2004\n http://":                                          "Apache-2.0",
		"Permission is hereby granted, free\nof charge, to":                                              "MIT",
		"Redistribution and use in source and binary forms, with or without":                             "BSD-2-Clause",
		"Redistribution and use in source and binary forms … be used to endorse or promote products":     "BSD-3-Clause",
		"Permission to use, copy, modify, and/or distribute this software for any purpose":               "ISC",
		"GNU GENERAL PUBLIC LICENSE Version 3":                                                           "",
		"Permission is hereby granted, free of charge, … licensed under the Apache License, Version 2.0": "Apache-2.0, MIT",
	} {
		if got := classify(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestUnknownLicence(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/LICENSE", []byte("All rights reserved."), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := licenceOf(module{"example.com/m", "v1.0.0", dir}); err == nil || !strings.Contains(err.Error(), "example.com/m v1.0.0: no licence") {
		t.Errorf("got %v", err)
	}
}

// THIRD_PARTY.md lists what is linked in today.
func TestInSync(t *testing.T) {
	want, err := list(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatalf("%v: run make licences", err)
	}
	if string(got) != want {
		t.Errorf("%s lists other modules than are linked in: run make licences", file)
	}
}
