// Package apiserver asks the API servers of a cluster about themselves: how many are
// alive, which of them answers on a connection, which key it writes with, and whether
// it can use its KMS plugin.
//
// EKS runs several API servers behind one address. A connection leads to one of them,
// and only that one answers on it. So an answer counts for a server only if the server
// was identified on the same connection.
package apiserver
