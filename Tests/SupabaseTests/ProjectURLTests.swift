import Testing

@testable import Supabase

struct ProjectURLTests {
  @Test(arguments: [
    ("https://abc.supabase.co", "https://abc.supabase.co"),
    ("https://abc.supabase.co/", "https://abc.supabase.co"),
    ("  HTTPS://ABC.Supabase.CO//  ", "https://abc.supabase.co"),
    ("https://abc.supabase.co:443/rest/v1/", "https://abc.supabase.co"),
    ("https://abc.supabase.co/rest/v1", "https://abc.supabase.co"),
    ("http://127.0.0.1:54321", "http://127.0.0.1:54321"),
    ("http://localhost:80/rest/v1", "http://localhost"),
    ("https://localhost:80", "https://localhost:80"),
    ("http://[::1]:3000/", "http://[::1]:3000"),
    ("https://example.org/supabase/rest/v1/", "https://example.org/supabase"),
    ("https://example.org/Prefix", "https://example.org/Prefix"),
  ])
  func `spellings of one project are equal`(text: String, normal: String) throws {
    let url = try #require(ProjectURL(text))
    #expect(url.description == normal)
    #expect(ProjectURL(normal) == url)
  }

  @Test(arguments: [
    "", " ", "abc.supabase.co", "ftp://abc.supabase.co", "postgres://h/db", "https://",
    "https:///x", "https://user:pass@host", "https://host?x=1", "https://host/#a",
    "https://host/a b", "https://ho st", "https://host:0", "https://host:65536", "https://host:x",
    "https://host:", "https://.co", "https://a..b", "https://hôst", "https://host/../x",
    "https://host/a//b", "https://[::1", "https://host\\x", "https://ho%73t", "//host",
    "https:/host",
  ])
  func `what is no project's URL is refused`(text: String) {
    #expect(ProjectURL(text) == nil)
  }

  @Test(arguments: [
    ("https://abc.supabase.co", "abc"), ("https://supabase.co", nil),
    ("https://a.abc.supabase.co", nil), ("https://abc.example.co", nil),
    ("http://localhost:54321", nil),
  ])
  func `the reference is read from Supabase's own hosts`(text: String, ref: String?) {
    #expect(ProjectURL(text)?.projectRef == ref)
  }
}
