var l=new Set(["http:","https:","mailto:"]);function r(n){try{let t=new URL(n??"");return l.has(t.protocol)?t.href:null}catch{return null}}export{r as a};
